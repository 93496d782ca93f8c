#include "base/words.h"
