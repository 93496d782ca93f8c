#include "jose/json_scan.h"
