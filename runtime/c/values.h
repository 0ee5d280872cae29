// What the C API shows of the values of the C++ API, and the handles that own some.
#pragma once

#include "runtime/c/guard.h"

struct nnc_text {
  std::string bytes;
};

struct nnc_arrays {
  std::vector<nnc::Array> arrays;
};

struct nnc_data {
  nnc::Data data;
  std::string summary, note;
  std::vector<nnc::Column> train, test;
};

namespace nnc::c {

nnc_problem shown(Problem const&);
nnc_note shown(std::pair<Position, std::string> const&);
nnc_tensor shown(TensorInfo const&);

// A new handle into `out`, which is null until `make` has succeeded.
template <class Handle, class Make>
nnc_status make_handle(Handle** out, Make&& make) noexcept {
  if (out) *out = nullptr;
  return guarded([&] {
    if (!out) refuse("out is a null pointer");
    *out = new Handle(make());
  });
}

// Numbers that a host may look at, as long as this is there.
class Numbers {
public:
  Numbers() = default;
  explicit Numbers(std::vector<Number> const& numbers) { show(numbers); }
  // Names are those of `numbers`, which must live as long. Allocates nothing for as many numbers as before.
  void show(std::vector<Number> const& numbers) {
    shown_.resize(numbers.size());
    for (std::size_t i = 0; i < numbers.size(); ++i) shown_[i] = {numbers[i].name.c_str(), numbers[i].value};
  }
  nnc_number const* data() const { return shown_.data(); }
  std::int64_t size() const { return static_cast<std::int64_t>(shown_.size()); }

private:
  std::vector<nnc_number> shown_;
};

// Tables likewise; their values are those of the C++ ones, which must live as long. Allocates nothing for the same
// tables as before.
class Tables {
public:
  Tables() = default;
  explicit Tables(std::vector<Table> const& tables) { show(tables); }
  void show(std::vector<Table> const&);
  nnc_table const* data() const { return shown_.data(); }
  std::int64_t size() const { return static_cast<std::int64_t>(shown_.size()); }

private:
  std::vector<nnc_table> shown_;
  std::vector<std::vector<char const*>> rows_;
};

nnc_reports shown(Reports const&, Numbers const&, Tables const&);

} // namespace nnc::c
