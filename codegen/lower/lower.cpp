#include "codegen/lower/lower.h"

#include "ir/cuts.h"

namespace nnc {

Share share_by_threads(LoopBuilder& b, Ref units) {
  Ref thread = b.cell(Frame::thread, DType::i64), threads = b.cell(Frame::threads, DType::i64);
  Ref next = b.add(thread, b.integer(1));
  return {b.quotient(b.multiply(units, thread), threads), b.quotient(b.multiply(units, next), threads)};
}

Share share_of(LoopBuilder& b, Ref units, KernelContext const& k) {
  for (auto const& p : k.places())
    if (p.kind == Place::Kind::local) return {b.integer(0), units};
  if (k.facts().is_parallel()) return share_by_threads(b, units);
  Ref mine = b.compute(OpCode::eq, {b.cell(Frame::thread, DType::i64), b.integer(0)});
  return {b.integer(0), b.compute(OpCode::select, {mine, units, b.integer(0)})};
}

std::vector<std::vector<i64>> cuts_of_loops(KernelContext const& k) {
  auto const walked = walked_space(k.function(), k.kernel, k.schedule());
  std::vector<std::vector<i64>> cuts(walked.runs.size());
  for (i64 loop : k.schedule().cut) {
    auto const i = static_cast<size_t>(loop);
    cuts[i] = cuts_of_loop(k.function(), k.kernel, walked, i);
  }
  return cuts;
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
  switch (k.facts().kind) {
  case KernelKind::scalars: return lower_scalars(p, k);
  case KernelKind::pointwise: return lower_pointwise(p, k);
  case KernelKind::rows: return lower_rows(p, k);
  case KernelKind::scatter: return lower_scatter(p, k);
  case KernelKind::lines: return lower_lines(p, k);
  case KernelKind::contract: return lower_contract(p, k);
  }
}

} // namespace

Loops lower(Storage const& storage, Node const& kernel, Target const& target, std::string name) try {
  Loops loops;
  loops.name = std::move(name);
  loops.at = kernel.at;
  LoopBuilder b(loops);
  Puller p(b, storage, kernel, target);
  lower_body(p, {storage, kernel, target});
  b.finish();
  return loops;
} catch (Error& e) {
  for (auto& d : e.diagnostics)
    if (!d.at) d.at = kernel.at;
  throw;
}

} // namespace nnc
