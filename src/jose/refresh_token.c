#include "jose/refresh_token.h"
