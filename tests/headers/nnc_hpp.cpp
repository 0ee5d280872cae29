// nnc.hpp stands alone in C++17.
#include "nnc/nnc.hpp"
