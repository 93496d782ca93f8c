#include "state/keyring.h"
