#include "runtime/tensor.h"

#include "ir/diagnostic.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace nnc {
namespace {

constexpr size_t alignment = 64;

// Zeros at an aligned address; at least one byte, so that an empty tensor has an address too.
std::shared_ptr<u8> allocate(size_t size) {
  size_t const rounded = (size / alignment + 1) * alignment;
  auto* memory = static_cast<u8*>(std::aligned_alloc(alignment, rounded));
  if (!memory) throw Error(Code::memory, fmt::format("out of memory: {} bytes for one tensor", size));
  std::memset(memory, 0, size);
  return {memory, std::free};
}

} // namespace

std::string type_text(DType dtype, std::vector<i64> const& shape) {
  std::string text(name(dtype));
  text += '[';
  for (size_t i = 0; i < shape.size(); ++i) text += fmt::format("{}{}", i ? "," : "", shape[i]);
  return text + ']';
}

u64 size_or_error(DType dtype, std::vector<i64> const& shape, std::string const& what) {
  auto const size = bytes_of(shape, dtype);
  if (!size) throw Error(fmt::format("{}: {} is too large", what, type_text(dtype, shape)));
  return static_cast<u64>(*size);
}

HostTensor::HostTensor(DType dtype, std::vector<i64> shape)
    : dtype_(dtype), shape_(std::move(shape)), size_(size_or_error(dtype, shape_, "tensor")) {
  auto memory = allocate(size_);
  data_ = own_ = memory.get();
  owner_ = std::move(memory);
}

HostTensor HostTensor::view(DType dtype, std::vector<i64> shape, std::span<u8 const> bytes,
                            std::shared_ptr<void const> owner) {
  if (bytes_of(shape, dtype) != static_cast<i64>(bytes.size()))
    throw CompilerBug("a view whose bytes do not fit its type");
  auto const width = static_cast<std::uintptr_t>(nnc::bytes(dtype));
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % width != 0) {
    HostTensor copy(dtype, std::move(shape));
    if (!bytes.empty()) std::memcpy(copy.own_, bytes.data(), bytes.size());
    return copy;
  }
  HostTensor result;
  result.dtype_ = dtype;
  result.shape_ = std::move(shape);
  result.data_ = bytes.data();
  result.size_ = bytes.size();
  result.owner_ = std::move(owner);
  return result;
}

HostTensor HostTensor::over(DType dtype, std::vector<i64> shape, std::span<u8> bytes,
                            std::shared_ptr<void const> owner) {
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % static_cast<std::uintptr_t>(nnc::bytes(dtype)) != 0)
    throw CompilerBug("writable bytes that are not aligned");
  auto result = view(dtype, std::move(shape), bytes, std::move(owner));
  result.own_ = bytes.data();
  return result;
}

std::span<u8> HostTensor::writable() {
  if (!own_ && size_ != 0) throw CompilerBug("a tensor that is only a view is written");
  return {own_, size_};
}

std::string HostTensor::type_text() const { return nnc::type_text(dtype_, shape_); }

void HostTensor::check_width(size_t width) const {
  if (static_cast<i64>(width) != nnc::bytes(dtype_)) throw CompilerBug("a tensor is read in elements of another size");
}

HostTensor HostTensor::rows(i64 first, i64 count) const {
  if (shape_.empty() || first < 0 || count < 0 || first > shape_[0] - count) throw CompilerBug("rows beyond a tensor");
  HostTensor part = *this;
  part.shape_[0] = count;
  size_t const row = shape_[0] ? size_ / static_cast<size_t>(shape_[0]) : 0;
  size_t const offset = row * static_cast<size_t>(first);
  part.size_ = row * static_cast<size_t>(count);
  if (data_) part.data_ = data_ + offset;
  if (own_) part.own_ = own_ + offset;
  return part;
}

NamedTensor const* named(std::vector<NamedTensor> const& tensors, std::string_view name) {
  auto const found = std::ranges::find(tensors, name, &NamedTensor::name);
  return found == tensors.end() ? nullptr : &*found;
}

} // namespace nnc
