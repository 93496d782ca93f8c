#include "state/registry.h"
