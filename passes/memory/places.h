// Places of values, and when they are alive.
#pragma once

#include "ir/module.h"

#include <optional>
#include <unordered_map>
#include <vector>

namespace nnc::memory {

// Which results may be written over the arguments that they replace, in a function or in a region of it.
class Replacing {
public:
  Replacing(Function const&, std::vector<Node> const& nodes);
  // May the kernel that gives `result` write it over `old`?
  bool is_in_place(ValueId old, ValueId result) const;
  void add_last_node(); // of the nodes, which have grown

private:
  static constexpr size_t no_node = ~size_t{0};
  Function const& f_;
  std::vector<Node> const& nodes_;
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
  // The same, but for a part of a sequence the place of all of it.
  std::optional<Place> whole(ValueId v) const;

private:
  void outside_places();
  void number(std::vector<Node> const&, size_t depth);
  void find_lives(std::vector<Node> const&);
  void lives_on(ValueId v, size_t at);
  void assign(std::vector<Node> const&);
  void assign_cond(Node const&);
  void assign_scan(Node const&);
  Place next_round(ValueId of);
  i64 take_slot(ValueId v, size_t at);

  Function const& f_;
  std::vector<std::optional<Place>> place_; // per value
  std::vector<ValueId> root_;               // per value
  std::vector<size_t> last_;                // per value: the last node that reads it, by its number
  struct Numbers {
    size_t first, last; // of a node: its own, and of what it holds
  };
  std::unordered_map<Node const*, Numbers> numbers_;
  size_t count_ = 0;              // of nodes, with what they hold
  std::vector<size_t> depth_;     // per value: how many scopes it stands in
  std::vector<Node const*> open_; // the scopes around what is looked at
  std::vector<ValueId> whole_;    // per round(i): what it is a part of
  std::vector<Dim> sizes_;        // per slot
  std::vector<size_t> free_from_; // per slot: the first node that may use it again
  i64 locals_ = 0;
};

void write_places(Function&, std::vector<Node>&, Places const&);
void write_barriers(Function&, Places const&);

} // namespace nnc::memory
