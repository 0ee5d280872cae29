// Layers of one shape, and the forward pass of training, testing and running, are the same loops on other memory. With
// what differs as parameters they have the same code, which is then made once.
//
//     train_step.2   load slot(1), store slot(2), cell 14       parameters  slot(1) slot(2) | cell 14
//     evaluate.3     load slot(0), store slot(1), cell 12       parameters  slot(0) slot(1) | cell 12
#include "codegen/loops/loops.h"

#include <algorithm>

namespace nnc {
namespace {

i64 number_in(std::vector<i64>& cells, i64 cell) {
  auto found = std::find(cells.begin(), cells.end(), cell);
  if (found == cells.end()) found = cells.insert(found, cell);
  return found - cells.begin();
}

bool same(Inst const& a, Inst const& b) {
  return a.act == b.act && a.op == b.op && a.type == b.type && a.args == b.args && a.number == b.number &&
         same_bits(a.scalar, b.scalar);
}
bool same(Loop const& a, Loop const& b) {
  return a.begin == b.begin && a.end == b.end && a.step == b.step && a.sure == b.sure && a.index == b.index &&
         a.initial == b.initial && a.carried == b.carried && a.next == b.next && a.results == b.results &&
         a.body == b.body;
}
bool same(Buffer const& a, Buffer const& b) { return a.cell == b.cell && a.bytes == b.bytes && a.offset == b.offset; }
bool same(Transposition const& a, Transposition const& b) {
  return a.source == b.source && a.target == b.target && a.lanes == b.lanes && a.element == b.element &&
         a.source_stride == b.source_stride && a.target_stride == b.target_stride;
}

template <class T>
bool same(std::vector<T> const& a, std::vector<T> const& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](T const& x, T const& y) { return same(x, y); });
}

} // namespace

KernelParameters take_parameters(Loops& l) {
  KernelParameters p;
  for (auto& b : l.buffers)
    if (b.cell >= fixed_cells) b.cell = fixed_cells + number_in(p.addresses, b.cell);
  i64 first = fixed_cells + static_cast<i64>(p.addresses.size());
  for (auto& i : l.insts)
    if ((i.act == Act::cell || i.act == Act::set_cell) && i.number >= fixed_cells)
      i.number = first + number_in(p.scalars, i.number);
  return p;
}

bool same_code(Loops const& a, Loops const& b) {
  return a.insts.size() == b.insts.size() && a.body == b.body && same(a.insts, b.insts) && same(a.loops, b.loops) &&
         same(a.buffers, b.buffers) && same(a.transpositions, b.transpositions);
}

} // namespace nnc
