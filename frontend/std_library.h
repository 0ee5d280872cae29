// The `.nn` files of the standard library and the declarations of builtins, compiled into the binary (made from
// frontend/std/ and frontend/builtins/ by CMake).
#pragma once

#include <string_view>
#include <vector>

namespace nnc {

struct StdFile {
  std::string_view name; // "std/layers.nn"
  std::string_view text;
};

std::vector<StdFile> const& std_library();
// Functions without a body, which the elaborator computes: frontend/elaborate/builtin.h.
std::vector<StdFile> const& builtin_library();

} // namespace nnc
