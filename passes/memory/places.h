// Places of values, and when they are alive.
#pragma once

#include "ir/module.h"

#include <optional>
#include <vector>

namespace nnc::memory {

// Which results may be written over the arguments that they replace.
class Replacing {
public:
  explicit Replacing(Function const&);
  // May the kernel that gives `result` write it over the argument with this index?
  bool is_in_place(size_t argument, ValueId result) const;
  void add_last_node(); // of the body, which has grown

private:
  static constexpr size_t no_node = ~size_t{0};
  Function const& f_;
  std::vector<std::vector<size_t>> readers_; // per value, in order
  std::vector<size_t> giver_;                // per value
};

// Slots and other places of all values of a function with kernels.
class Places {
public:
  explicit Places(Function const&);
  void assign();
  std::optional<Place> const& of(ValueId v) const { return place_[v]; }
  // The value whose bytes v shares: itself, but for a reshape.
  ValueId root(ValueId v) const { return root_[v]; }
  std::vector<Dim> const& slots() const { return sizes_; }
  i64 locals() const { return locals_; }

private:
  void outside_places();
  void find_lives();
  i64 take_slot(ValueId v, size_t at);

  Function const& f_;
  std::vector<std::optional<Place>> place_; // per value
  std::vector<ValueId> root_;               // per value
  std::vector<size_t> last_;                // per value: the last node that reads it
  std::vector<Dim> sizes_;                  // per slot
  std::vector<size_t> free_from_;           // per slot: the first node that may use it again
  i64 locals_ = 0;
};

void write_places(Function&, Places const&);
void write_barriers(Function&, Places const&);

} // namespace nnc::memory
