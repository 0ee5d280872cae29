// What lives where in a function with kernels, and when threads must meet: the rules that `plan_memory` follows and the
// verifier holds.
#pragma once

#include "ir/module.h"

#include <map>

namespace nnc {

// Per value: the value whose bytes it has. Itself, but for reshapes outside of kernels, and for carries of a scan,
// which live where their first value does.
std::vector<ValueId> roots_of(Function const&);

// Per value: is it a number that every thread holds for itself, or is told by its caller, and so in no buffer?
std::vector<bool> numbers_of_threads(Function const&);

// Where each result must be when the function ends: in the argument that it replaces, or in a buffer of the caller.
// Nothing for losses and metrics, which are read from wherever they are.
std::vector<std::optional<Place>> places_of_results(Function const&);

// Per result: is it the argument that it replaces, as it was?
std::vector<bool> unchanged_results(Function const&);

// May a kernel write `shape` over the old value that these operands are? Only if it reads them at the index that is
// written, by elementwise nodes alone.
bool reads_at_same_index(Function const&, Node const& kernel, std::vector<ValueId> const& operands, Shape const&);

// The arena of a call: a part for each member of the team, then the slots, each from a cache line on.
//
//     | thread 0: frame, scratch | thread 1: frame, scratch | ... | slot 0 | slot 1 | ...
//
// A part is whole pages. Its frame is what the entry hands to the kernels, 8 bytes for each address and number.
i64 frame_bytes(Function const&);   // a bound that is known before there is code
i64 bytes_of_part(Function const&); // of one member
// All of it, for a batch (the rows of a step) and so many members; nothing where that is more than any memory has.
std::optional<i64> arena_bytes(Function const&, i64 batch, i64 members);

// What one kernel touches, without what each thread has for itself.
struct Touches {
  std::vector<Place> reads, writes;
  bool by_many = false; // all threads share the kernel; else the first thread runs it alone
};

// Hazards between kernels since the threads last met. Kernels that one thread runs alone are in order among themselves.
class Hazards {
public:
  bool must_meet(Touches const&) const; // it reads what may still be written, or writes what may still be read
  void met() { since_.clear(); }
  void ran(Touches const&);
  void join(Hazards const& other); // what may have happened since, this or the other

private:
  using Key = std::pair<Place::Kind, i64>;
  struct Touched {
    bool read = false, written = false, by_many = false;
  };
  bool crosses(Place const&, bool many, bool writes) const;
  std::map<Key, Touched> since_;
};

} // namespace nnc
