#include "codegen/lower/lower.h"

#include "ir/op.h"

#include <set>

namespace nnc {

int natural_lanes(Target const& t) { return static_cast<int>(std::clamp<i64>(t.vector_bytes / 4, 4, 16)); }

Share share_by_threads(LoopBuilder& b, Ref units) {
  Ref thread = b.cell(Frame::thread, DType::i64), threads = b.cell(Frame::threads, DType::i64);
  Ref next = b.add(thread, b.integer(1));
  return {b.quotient(b.multiply(units, thread), threads), b.quotient(b.multiply(units, next), threads)};
}

Share share_of(LoopBuilder& b, Ref units, KernelContext const& k) {
  for (auto const& p : k.places())
    if (p.kind == Place::Kind::local) return {b.integer(0), units};
  if (k.facts.parallel) return share_by_threads(b, units);
  Ref mine = b.compute(OpCode::eq, {b.cell(Frame::thread, DType::i64), b.integer(0)});
  return {b.integer(0), b.compute(OpCode::select, {mine, units, b.integer(0)})};
}

std::vector<int> result_buffers(Puller& p, KernelContext const& k) {
  std::vector<int> buffers;
  for (auto const& place : k.places()) {
    bool local = place.kind == Place::Kind::local;
    buffers.push_back(local ? -1 : p.buffer_at(place));
    if (!local) p.builder().will_write(buffers.back());
  }
  return buffers;
}

void store_result(Puller& p, KernelContext const& k, std::vector<int> const& buffers, size_t result, At at, Ref value,
                  Ref limit) {
  auto& b = p.builder();
  if (buffers[result] < 0) return b.set_cell(k.storage.frame.locals + k.places()[result].index, value);
  int lanes = at.step == 1 ? p.lanes().lanes : 1;
  b.store(buffers[result], at.base, b.splat(value, lanes), limit);
}

bool has_order(KernelContext const& k, Order::Kind kind) {
  for (auto const& n : k.nodes()) {
    auto const& op = info(n.op);
    if (n.op == OpCode::argmax || n.op == OpCode::argmin) {
      bool last = n.attributes.get<i64>("axis") + 1 == k.function().type(n.operands[0]).rank();
      if (last == (kind == Order::Kind::lanes)) return true;
    } else if ((op.has(Trait::reduces) || op.has(Trait::contracts)) && order_of(n).kind == kind) {
      return true;
    }
  }
  return false;
}

namespace {

// Boundaries between axes of `shape` that a node needs, as the number of elements inside of each.
void add_boundaries(std::set<i64>& needed, Shape const& shape, std::vector<bool> const& at) {
  for (size_t i = 1; i < shape.size(); ++i)
    if (at[i]) needed.insert(inner_size(shape, i));
}

void boundaries_of(std::set<i64>& needed, KernelContext const& k, Node const& n) {
  auto const& shape = k.function().type(n.result()).shape;
  std::vector<bool> at(shape.size() + 1, false);
  if (info(n.op).has(Trait::elementwise) || n.op == OpCode::reshape || n.op == OpCode::random_bits) return;
  if (n.op == OpCode::broadcast) {
    auto const& axes = n.attributes.get<std::vector<i64>>("axes");
    std::vector<i64> from(shape.size(), -1);
    for (size_t j = 0; j < axes.size(); ++j) from[static_cast<size_t>(axes[j])] = static_cast<i64>(j);
    for (size_t i = 1; i < shape.size(); ++i) {
      bool both = from[i] >= 0 && from[i - 1] + 1 == from[i] && from[i - 1] >= 0, none = from[i] < 0 && from[i - 1] < 0;
      at[i] = !both && !none;
    }
  } else if (n.op == OpCode::gather) {
    auto axis = static_cast<size_t>(n.attributes.get<i64>("axis"));
    at[axis] = at[axis + k.function().type(n.operands[1]).shape.size()] = true;
  } else {
    at.assign(at.size(), true);
  }
  add_boundaries(needed, shape, at);
}

} // namespace

std::vector<int> collapsed_axes(KernelContext const& k, Shape const& space) {
  std::set<i64> needed;
  for (auto const& n : k.nodes()) boundaries_of(needed, k, n);
  std::vector<int> runs;
  for (size_t i = 0; i < space.size(); ++i) {
    if (i == 0 || needed.contains(inner_size(space, i))) runs.push_back(1);
    else ++runs.back();
  }
  return runs;
}

void lower_scalars(Puller& p, KernelContext const& k) {
  auto buffers = result_buffers(p, k);
  for (auto const& n : k.nodes()) // in order, so that however long a chain is, no pull goes deep
    if (k.function().type(n.result()).rank() == 0) p.pull(n.result(), {});
  std::vector<Ref> values;
  for (auto r : k.kernel.results) values.push_back(p.pull(r, {}));
  for (size_t i = 0; i < values.size(); ++i) store_result(p, k, buffers, i, {p.builder().integer(0)}, values[i]);
}

namespace {

void lower_body(Puller& p, KernelContext const& k) {
  switch (k.facts.kind) {
  case KernelKind::scalars: return lower_scalars(p, k);
  case KernelKind::pointwise: return lower_pointwise(p, k);
  case KernelKind::rows: return lower_rows(p, k);
  case KernelKind::scatter: return lower_scatter(p, k);
  case KernelKind::contract: return lower_contract(p, k);
  }
}

} // namespace

Loops lower(Storage const& storage, Node const& kernel, Target const& target, std::string name) try {
  Loops loops;
  loops.name = std::move(name);
  loops.at = kernel.at;
  LoopBuilder b(loops);
  Puller p(b, storage, kernel.regions.front().nodes);
  lower_body(p, {storage, kernel, target, kernel_facts(kernel)});
  b.finish();
  return loops;
} catch (Error& e) {
  for (auto& d : e.diagnostics)
    if (!d.at) d.at = kernel.at;
  throw;
}

} // namespace nnc
