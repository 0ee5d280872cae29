// nnc.h stands alone in C99.
#include "nnc/nnc.h"
