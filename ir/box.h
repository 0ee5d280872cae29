// A T on the heap, or nothing; a copy of a box has a T of its own. For the rare parts of a type of which there are
// many.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

namespace nnc {

template <class T>
class Box {
public:
  Box(std::nullptr_t = nullptr) {}                                // NOLINT: implicit on purpose, as of a pointer
  Box(T value) : value_(std::make_unique<T>(std::move(value))) {} // NOLINT
  Box(Box const& other) : value_(other ? std::make_unique<T>(*other) : nullptr) {}
  Box(Box&&) noexcept = default;
  Box& operator=(Box other) noexcept {
    value_.swap(other.value_);
    return *this;
  }
  ~Box() = default;

  explicit operator bool() const { return value_ != nullptr; }
  T& operator*() { return *value_; }
  T const& operator*() const { return *value_; }
  T* operator->() { return value_.get(); }
  T const* operator->() const { return value_.get(); }
  bool operator==(Box const& other) const { return *this && other ? **this == *other : !*this && !other; }

private:
  std::unique_ptr<T> value_;
};

} // namespace nnc
