#include "http/authorization.h"
