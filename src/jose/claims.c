#include "jose/claims.h"
