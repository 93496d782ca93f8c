#include "state/hasher.h"
