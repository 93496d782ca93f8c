#include "state/local.h"
