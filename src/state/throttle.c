#include "state/throttle.h"
