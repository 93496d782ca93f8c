#include "http/respond.h"
