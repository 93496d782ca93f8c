#include "jose/jws.h"
