#include "state/publisher.h"
