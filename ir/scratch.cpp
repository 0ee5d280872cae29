#include "ir/scratch.h"

#include "ir/contraction.h"
#include "ir/index_map.h"
#include "ir/kernel_space.h"
#include "ir/memory.h"
#include "ir/op.h"
#include "ir/walk.h"

#include <algorithm>

namespace nnc {
namespace {

using Use = ScratchBuffer::Use;

constexpr i64 line = 64, page = 4096;
constexpr i64 stagger = 17 * line; // of buffers that may be read together: none starts where another does modulo a page

class Layout {
public:
  // Buffers come from small to large, so that the small ones of all kernels share the first lines.
  void add(Use use, i64 bytes, ValueId of = no_value) {
    if (bytes == 0) return;
    i64 at = round_up(scratch_.bytes, line);
    if (bytes >= page) {
      i64 const start = large_++ * stagger % page;
      at = round_up(at - start, page) + start;
    }
    scratch_.buffers.push_back({use, of, bytes, at});
    scratch_.bytes = at + bytes;
  }
  Scratch take() { return std::move(scratch_); }

private:
  Scratch scratch_;
  i64 large_ = 0;
};

i64 levels_of_kernel(Function const& f, Node const& kernel) {
  i64 bytes = 0;
  for (auto const& n : kernel.regions.front().nodes) bytes += bytes_of_levels(f, kernel, n);
  auto const& schedule = kernel.kernel->schedule;
  return bytes *
         (schedule && schedule->pointwise.jam ? jammed_sums(f, kernel, schedule->pointwise.jam).value_or(1) : 1);
}

} // namespace

ScratchBuffer const* Scratch::find(Use use, ValueId of) const {
  auto const found =
      std::find_if(buffers.begin(), buffers.end(), [&](auto const& b) { return b.use == use && b.of == of; });
  return found == buffers.end() ? nullptr : &*found;
}

// Which lanes the sums have is a matter of where they are pulled: as many as the kernel has, or those of an order.
i64 bytes_of_levels(Function const& f, Node const& kernel, Node const& n) {
  auto const& op = info(n.op);
  bool const contraction = op.has(contracts);
  if (!contraction && !(op.has(Trait::reduces) && op.join)) return 0;
  // The sum of a nest is pulled where elements may be missing, else it is made by the nest alone.
  if (contraction && is_kernel(kernel, KernelKind::contract) && !is_guarded(*index_map(f, n, 0))) return 0;
  auto order = order_of(f, n);
  auto extents = reduced_extents(f, n);
  if (contraction) {
    auto linear = linear_sum(order, extents);
    order = linear.order;
    extents = linear.extents();
  }
  auto const blocks = summed_blocks(extents, order);
  if (blocks.one) return 0;
  auto const& schedule = kernel.kernel->schedule;
  i64 const widest = std::max(order_lanes, schedule ? schedule->pointwise.lanes : i64{1});
  i64 const lanes = order.kind == Order::Kind::lanes ? 1 : widest;
  i64 const element = bytes(f.type(contraction ? n.result() : n.operands[0]).dtype);
  return round_up(element * lanes * places_of_blocks(blocks.count), line);
}

Scratch scratch_of(Function const& f, Node const& kernel, std::vector<bool> const& numbers, Target const& target) {
  Layout layout;
  layout.add(Use::levels, levels_of_kernel(f, kernel));
  if (!kernel.kernel->schedule) return layout.take();
  if (is_kernel(kernel, KernelKind::contract)) {
    auto const c = contraction_of(f, kernel, numbers);
    auto const sizes = buffers_of(c, kernel.kernel->schedule->contract, target.lanes(c.dtype));
    i64 const element = bytes(c.dtype);
    layout.add(Use::totals, element * sizes.totals);
    layout.add(Use::rhs_rows, element * sizes.rhs_rows);
    layout.add(Use::panel, element * sizes.panel);
    layout.add(Use::lhs, element * sizes.lhs);
  }
  if (is_kernel(kernel, KernelKind::rows))
    for (i64 i : kernel.kernel->schedule->rows.keep) {
      auto const v = kernel.regions.front().nodes[static_cast<size_t>(i)].result();
      layout.add(Use::row, bytes_of_row(*row_space(f, kernel).row(), f.type(v).dtype), v);
    }
  return layout.take();
}

i64 scratch_bytes(Function const& f, Target const& target) {
  auto const numbers = numbers_of_threads(f);
  i64 most = 0;
  each_node(f.body.nodes, [&](Node const& n) {
    if (is_kernel(n)) most = std::max(most, scratch_of(f, n, numbers, target).bytes);
  });
  return most;
}

} // namespace nnc
