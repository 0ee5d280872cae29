// The loops of one kernel: codegen's own form between the graph and LLVM. Loops are structured (a body, values carried
// from one round to the next), everything else is an instruction on one scalar or on a fixed number of lanes.
//
//   Frame    64-bit cells that belong to one thread: what the entry hands to its kernels (batch, step, rows, the
//            addresses of slots, arguments and results) and the scalars that every thread computes for itself;
//            codegen/lower/frame.h says which cell is what
//   Buffer   memory that loads and stores name: behind an address in the frame, or the thread's own
//   Inst     one instruction; a Ref is its number and names its value
//   Loop     for index in [begin, end) by step; carried values start as `initial`, become `next` after each round
//
// Constants belong to no list; every other instruction stands in exactly one (the body of the kernel or of a loop),
// after what it uses. Indices and addresses count elements.
#pragma once

#include "ir/module.h"

#include <array>
#include <string>
#include <vector>

namespace nnc {

using Ref = u32;
inline constexpr Ref no_ref = ~Ref{0};

struct Lanes { // the type of a value: `lanes` elements of a dtype
  DType dtype = DType::i64;
  int lanes = 1;
  bool operator==(Lanes const&) const = default;
};

enum class Act : u8 {
  constant,     // `scalar` in every lane
  cell,         // reads cell `number` of the frame
  set_cell,     // writes args[0] to cell `number`
  index,        // the index of loop `number`, i64
  carried,      // a value carried by loop `number`
  result,       // what a carried value of loop `number` is after the loop
  loop,         // loop `number`
  compute,      // the elementwise operator `op`
  fma,          // a * b + c, rounded once where the target can
  quotient,     // integers >= 0 divided by an integer > 0
  remainder,    //
  bit_width,    // of an integer >= 0: 0 of 0, else 1 + floor(log2)
  splat,        // a scalar in every lane
  lane_numbers, // 0, 1, 2, ... as i32
  extract,      // args[0][args[1]]
  insert,       // args[0] with args[1] in lane args[2]
  load,         // lanes from buffer `number` at args[0], args[0] + 1, ...; lanes >= args[1] (if given) are 0
  load_each,    // lane l from buffer `number` at args[0] + args[1][l]
  store,        // args[1] to buffer `number` at args[0] ...; lanes >= args[2] (if given) are left alone
  tree,         // s[l] = op(s[l], s[l + w]) for w = lanes / 2, ..., 2, 1; then s[0]
  count,        // adds the number of true lanes to counter `number`
  prefetch,     // asks for the cache line of buffer `number` at args[0], to be read soon and, if `scalar` is 1, written
  transpose,    // transposition `number` with args source index, rows, target index, depth
  philox, // random bits of the elements args[0] + args[1][l]; args[2]: seed, args[3]: step, `number`: hash of the path
};

struct Inst {
  Act act = Act::constant;
  OpCode op{};
  Lanes type;
  std::array<Ref, 4> args{no_ref, no_ref, no_ref, no_ref};
  i64 number = 0;
  Scalar scalar;
};

struct Loop {
  Ref begin = no_ref, end = no_ref;
  i64 step = 1;
  bool sure = false; // runs at least once, so that nobody needs to ask
  Ref index = no_ref;
  std::vector<Ref> initial, carried, next, results;
  std::vector<Ref> body;
};

// target[t + k * target_stride + i] = source[s + min(i, rows - 1) * source_stride + k] for i in 0..lanes, k in
// 0..depth: rows of the source, read along the row, become columns of the target. May write up to lanes - 1 rows of the
// target beyond depth. t and target_stride are multiples of the lanes.
struct Transposition {
  int source = 0, target = 0; // buffers
  int lanes = 8;
  i64 element = 4; // its bytes: 4 or 8
  i64 source_stride = 0, target_stride = 0;
};

struct Buffer {
  std::string name; // "slot(2)", "argument(0)", "row(0)"
  i64 cell = -1;    // where the frame holds its address; -1: it is the thread's own
  i64 bytes = 0;    // its size then
  i64 offset = -1;  // in the scratch of the thread (ir/scratch.h); -1: on the stack, as it is small
};

enum class Counter : u8 { clamped, zero_divided };
inline constexpr int counter_count = 2;

struct Loops {
  std::string name;
  Location at;
  std::vector<Inst> insts;
  std::vector<Loop> loops;
  std::vector<Buffer> buffers;
  std::vector<Transposition> transpositions;
  std::vector<Ref> body;
  Inst const& operator[](Ref r) const { return insts[r]; }
};

// The first cells of a frame are the same in every function; the counters are the last of these.
inline constexpr i64 fixed_cells = 11, counter_cells = fixed_cells - counter_count;

// The other cells that a kernel needs of the frame of its function. `addresses` hold where its buffers start, `scalars`
// are read and written.
struct KernelParameters {
  std::vector<i64> addresses, scalars;
  size_t size() const { return addresses.size() + scalars.size(); }
};

// Renumbers the cells that the loops name: fixed_cells + k is the k-th parameter, addresses first. Kernels that do the
// same then have the same code, wherever their functions keep the values.
KernelParameters take_parameters(Loops&);
bool same_code(Loops const&, Loops const&); // names and places in the source aside

std::string print(Loops const&);
std::vector<std::string> verify(Loops const&); // what is wrong; empty: nothing

// Runs the loops on a frame, instruction by instruction.
void interpret(Loops const&, i64* frame);

// How many operands an instruction has, in order (those that may be left out included).
int operand_count(Inst const&);
bool writes(Act); // it has an effect and no value

} // namespace nnc
