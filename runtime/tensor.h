// Tensors in host memory, as bytes: columns of data sets, parameters, what a checkpoint holds. (ir/tensor.h is another
// thing: the evaluator's tensors, which hold every float as f64.)
#pragma once

#include "ir/types.h"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nnc {

// Elements in row-major order, starting at a multiple of their size. Copies share the bytes.
class HostTensor {
public:
  HostTensor() = default;

  // Memory of its own, filled with zeros, aligned to 64 bytes. Throws Error when the shape has no size.
  HostTensor(DType dtype, std::vector<i64> shape);

  // Bytes that `owner` keeps alive (a mapped file, say) and nobody may write. `bytes` must have exactly the size of the
  // type. They are copied when they are not aligned for their elements.
  static HostTensor view(DType dtype, std::vector<i64> shape, std::span<u8 const> bytes,
                         std::shared_ptr<void const> owner);

  // The same for bytes that may be written; they must be aligned.
  static HostTensor over(DType dtype, std::vector<i64> shape, std::span<u8> bytes, std::shared_ptr<void const> owner);

  DType dtype() const { return dtype_; }
  std::vector<i64> const& shape() const { return shape_; }
  i64 elements() const { return static_cast<i64>(size_) / nnc::bytes(dtype_); }
  std::span<u8 const> bytes() const { return {data_, size_}; }
  std::span<u8> writable();      // CompilerBug for a view
  std::string type_text() const; // "f32[784,10]"

  // The elements as T, whose size must be the dtype's.
  template <class T>
  std::span<T const> as() const {
    check_width(sizeof(T));
    return {reinterpret_cast<T const*>(data_), size_ / sizeof(T)};
  }
  template <class T>
  std::span<T> writable_as() {
    check_width(sizeof(T));
    return {reinterpret_cast<T*>(writable().data()), size_ / sizeof(T)};
  }

  // Rows first .. first+count-1 of the outermost axis; shares the bytes.
  HostTensor rows(i64 first, i64 count) const;

private:
  void check_width(size_t width) const;
  DType dtype_ = DType::f32;
  std::vector<i64> shape_ = {0};
  u8 const* data_ = nullptr;
  u8* own_ = nullptr; // equal to data_ when the memory may be written
  size_t size_ = 0;
  std::shared_ptr<void const> owner_;
};

// "u8[60000,28,28]"
std::string type_text(DType, std::vector<i64> const& shape);

// bytes_of, or an Error that says what has no size: "w.safetensors: f32[9223372036854775807,8] is too large".
u64 size_or_error(DType, std::vector<i64> const& shape, std::string const& what);

struct NamedTensor {
  std::string name;
  HostTensor tensor;
};
NamedTensor const* named(std::vector<NamedTensor> const&, std::string_view name); // null: there is none

} // namespace nnc
