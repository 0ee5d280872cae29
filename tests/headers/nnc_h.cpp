// nnc.h stands alone in C++17, and beside nnc.hpp.
#include "nnc/nnc.h"

#include "nnc/nnc.hpp"
