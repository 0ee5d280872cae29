// The `.nn` files of the standard library, compiled into the binary (made from frontend/std/ by CMake).
#pragma once

#include <string_view>
#include <vector>

namespace nnc {

struct StdFile {
  std::string_view name; // "std/layers.nn"
  std::string_view text;
};

std::vector<StdFile> const& std_library();

} // namespace nnc
