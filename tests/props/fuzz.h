// How many cases a property draws, and with which seed it begins: NNC_FUZZ and NNC_FUZZ_SEED in the environment.
#pragma once

#include "ir/basic.h"

#include <cstdlib>

namespace nnc::props {

inline u64 from_environment(char const* name, u64 otherwise) {
  char const* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}
inline u64 first_seed() { return from_environment("NNC_FUZZ_SEED", 1); }
inline u64 cases(u64 otherwise) { return from_environment("NNC_FUZZ", otherwise); }

} // namespace nnc::props
