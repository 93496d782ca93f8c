#include "state/revocations.h"
