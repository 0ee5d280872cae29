// Long sums to few results become two: of the blocks, which threads divide, and of what the blocks gave.
//
// Threads divide the results of a kernel. A sum over images to 16 channels has two vectors of them, so one thread would
// take it alone. Its blocks are many: the results of the blocks, partial sums, are a value of their own.
//
//     %s = reduce_sum %x {axes=[0, 1, 2], order=blocks(8, chain, 1)} : f32[16]          %x: f32[batch,32,32,16]
//  becomes
//     %0 = reshape %x {shape=[batch, 4, 8, 32, 16]} : f32[batch,4,8,32,16]
//     %1 = reduce_sum %0 {axes=[2, 3], order=chain} : f32[batch,4,16]
//     %s = reduce_sum %1 {axes=[0, 1], order=blocks(1, chain, 1)} : f32[16]
//
// No bit changes: blocks are summed as before, and a block of one partial sum is that sum (none is -0: a sum starts
// from +0). Blocks must end where the axis does that they cut; the pass `order` sees to that where it can.
#include "ir/op.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

#include <numeric>

namespace nnc {
namespace {

constexpr i64 most_results = 256; // more are enough for threads to divide
constexpr i64 least_block = 64;   // elements; a shorter one is not worth a store
constexpr i64 least_blocks = 8;

using Axes = std::vector<i64>;

struct Sum {
  Axes axes;
  Order order;
  size_t cut = 0; // the axis of the operand that the blocks cut
  Dim runs = 0;   // how many on that axis
};

std::optional<Sum> long_sum(Function const& f, Node const& n) {
  auto const order = n.attributes.get_or<Order>("order", {});
  if (!info(n.op).has(reduces) || order.block == 0) return {};
  Sum s{n.attributes.get<Axes>("axes"), order};
  auto const& shape = f.type(n.operands[0]).shape;
  auto const a = static_cast<size_t>(order.axis);
  s.cut = static_cast<size_t>(s.axes[a]);
  auto const runs = shape[s.cut].divided_by(order.block);
  auto const results = element_count(f.type(n.result()).shape).constant();
  if (!runs || results.value_or(most_results + 1) > most_results) return {};
  s.runs = *runs;
  Dim block(order.block), blocks = s.runs;
  for (size_t i = 0; i < s.axes.size(); ++i) {
    auto const& extent = shape[static_cast<size_t>(s.axes[i])];
    if (i > a) block = block * extent;
    if (i < a) blocks = blocks * extent;
  }
  if (*block.constant() < least_block || blocks.constant().value_or(least_blocks) < least_blocks) return {};
  return s;
}

ValueId in_two_sums(Builder& make, Node const& n, Sum const& s) {
  ValueId x = n.operands[0];
  auto const behind = s.axes.begin() + s.order.axis + 1;
  Axes outer(s.axes.begin(), behind), inner(behind, s.axes.end());
  if (s.order.block > 1) {
    Shape shape = make.type(x).shape;
    shape[s.cut] = s.runs;
    shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(s.cut) + 1, Dim(s.order.block));
    x = make.reshape(x, std::move(shape));
    for (i64& axis : inner) ++axis;
    inner.insert(inner.begin(), static_cast<i64>(s.cut) + 1);
  }
  ValueId const parts = make.make(n.op, {x}, {{"axes", inner}, {"order", Order{s.order.kind}}});
  return make.make(n.op, {parts}, {{"axes", outer}, {"order", Order{Order::Kind::chain, 1, s.order.axis}}});
}

bool make_partials(Function& f) {
  Rewriter rewriter(f);
  rewriter.run([&](Node&& n) {
    auto const sum = long_sum(f, n);
    if (!sum) return rewriter.keep(std::move(n));
    std::vector<Node> made;
    Builder make(f, made);
    make.at = n.at;
    ValueId const value = in_two_sums(make, n, *sum);
    for (auto& x : made) rewriter.keep(std::move(x));
    rewriter.replace(n.result(), value);
  });
  return rewriter.changed;
}

} // namespace

PassResult partials(Module m, PassContext&) { return each_function(std::move(m), make_partials); }

} // namespace nnc
