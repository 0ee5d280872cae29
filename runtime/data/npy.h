// The NPY format of numpy: a magic word, a Python dictionary with the type, the order and the shape, then the elements.
#pragma once

#include "runtime/data/encoding.h"
#include "runtime/tensor.h"

namespace nnc {

struct NpyArray {
  HostTensor tensor;      // in row-major order, in a dtype that nnc has
  Encoding encoding = {}; // of texts, which become categories
  std::string note;       // what was changed on the way, or empty
};

// The array at the beginning of `bytes`, which `owner` keeps alive; nothing may follow it. Elements that nnc has in the
// order that it has them are not copied. `name` is what errors call the file; `known`: how texts were encoded before.
// Types that nnc does not have are widened: i16 and u16 to i32, u32 and u64 to i64. Throws Error for pickled objects,
// complex numbers and records, for a header that is none, and for another size than it promises.
NpyArray parse_npy(std::span<u8 const> bytes, std::string const& name, std::shared_ptr<void const> owner,
                   Encoding const* known = nullptr);

} // namespace nnc
