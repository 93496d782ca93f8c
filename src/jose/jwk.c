#include "jose/jwk.h"
