#include "state/secrets.h"
