// Makes loops. Equal instructions without effects are made once, and stand as far outside as what they use allows; but
// a load stays within a loop that may not run. So common subexpressions and what does not change within a loop need no
// pass of their own. Arithmetic on constant indices is done at once.
#pragma once

#include "codegen/loops/loops.h"

#include <initializer_list>
#include <span>
#include <unordered_map>

namespace nnc {

class LoopBuilder {
public:
  explicit LoopBuilder(Loops& loops);

  int buffer(std::string name, i64 cell);                      // the same cell gives the same buffer
  int scratch_buffer(std::string name, i64 bytes, i64 offset); // a new one, in the scratch of the thread
  int stack_buffer(std::string name, i64 bytes);               // a new one, of a tile at most
  void will_write(int buffer);                                 // its loads stay where they are made

  Ref constant(DType, Scalar, int lanes = 1);
  Ref number(f64 value, Lanes type); // a constant of any dtype
  Ref integer(i64 value) { return constant(DType::i64, {.f = 0, .i = value}); }
  Ref cell(i64 number, DType);
  void set_cell(i64 number, Ref value);

  Ref compute(OpCode, std::span<Ref const> operands, DType result); // lanes of the widest operand; the others are splat
  Ref compute(OpCode op, std::initializer_list<Ref> operands);      // the dtype follows from the operands
  Ref convert(Ref, DType);
  Ref select(Ref condition, Ref yes, Ref no);
  Ref both(Ref condition, Ref other); // no_ref: no condition
  Ref fma(Ref a, Ref b, Ref c);
  Ref splat(Ref, int lanes);
  Ref lane_numbers(int lanes);
  Ref extract(Ref vector, Ref lane);
  Ref insert(Ref vector, Ref value, Ref lane);
  Ref load(int buffer, DType, int lanes, Ref index, Ref limit = no_ref);
  Ref load_each(int buffer, DType, Ref base, Ref offsets);
  void store(int buffer, Ref index, Ref value, Ref limit = no_ref);
  Ref tree(OpCode, Ref);
  void prefetch(int buffer, DType, Ref index, bool written);
  void pack_transposed(Transposition, Ref source, Ref rows, Ref target, Ref depth);
  void count(Counter, Ref condition);
  Ref philox(Ref base, Ref offsets, Ref seed, Ref step, u32 path, int lanes);

  // Index arithmetic on i64 (or i32 lanes), folded where constant.
  Ref add(Ref a, Ref b);
  Ref subtract(Ref a, Ref b);
  Ref multiply(Ref a, i64 by);
  Ref multiply(Ref a, Ref b);
  Ref quotient(Ref a, Ref by);
  Ref remainder(Ref a, Ref by);
  Ref bit_width(Ref a);
  Ref minimum(Ref a, Ref b);
  Ref maximum(Ref a, Ref b);

  struct Open {
    Ref index = no_ref;
    std::vector<Ref> carried;
  };
  // A loop that is known to run exactly once is not made: its index is `begin`.
  // `sure`: the maker knows that it runs at least once.
  Open open(Ref begin, Ref end, i64 step = 1, std::vector<Ref> initial = {}, bool sure = false);
  std::vector<Ref> close(std::vector<Ref> next = {}); // what the carried values are after the loop

  std::optional<i64> known(Ref) const; // the value of an integer constant
  struct Range {
    i64 least, most;
  };
  std::optional<Range> range(Ref) const; // of an index, where the bounds of its loops are constants
  Lanes type(Ref r) const { return loops_.insts[r].type; }
  int depth() const { return static_cast<int>(scopes_.size()) - 1; }
  Loops& loops() { return loops_; }
  void finish(); // moves the kernel's body into place; the builder is done

private:
  struct Key {
    Inst inst;
    bool operator==(Key const&) const;
  };
  struct Hash {
    size_t operator()(Key const&) const;
  };
  struct Scope {       // a list of instructions under construction: the kernel's body or a loop's
    bool runs = false; // at least once, for certain
    std::vector<Ref> list;
    std::unordered_map<Key, Ref, Hash> made;
  };
  struct Opened {
    i64 loop = -1; // -1: runs once, so that it is no loop
    std::vector<Ref> initial;
  };
  Ref pure(Inst); // found or made, as far outside as possible
  Ref loaded(Inst);
  Ref here(Inst); // made in the current scope
  Ref make(Inst, int depth, bool in_list);
  int depth_of_operands(Inst const&) const;

  Loops& loops_;
  std::vector<int> depths_; // of each instruction
  std::vector<bool> written_;
  std::vector<Scope> scopes_;
  std::vector<Opened> opened_;
};

} // namespace nnc
