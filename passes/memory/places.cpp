// Which value lives where. See plan_memory.cpp.
#include "passes/memory/places.h"

#include "ir/index_map.h"
#include "ir/memory.h"

#include <algorithm>

namespace nnc::memory {
namespace {

// For comparisons between slots: bytes at an ordinary batch.
i64 typical(Dim const& d) { return d.value({i64{64}, i64{4096}}); }

} // namespace

void Replacing::add_last_node() {
  auto const& nodes = f_.body.nodes;
  size_t const at = nodes.size() - 1;
  readers_.resize(f_.values.size());
  giver_.resize(f_.values.size(), no_node);
  for (auto v : nodes[at].operands) readers_[v].push_back(at);
  for (auto v : nodes[at].results) giver_[v] = at;
}

Replacing::Replacing(Function const& f) : f_(f), readers_(f.values.size()), giver_(f.values.size(), no_node) {
  auto const& nodes = f.body.nodes;
  for (size_t at = 0; at < nodes.size(); ++at) {
    for (auto v : nodes[at].operands) readers_[v].push_back(at);
    for (auto v : nodes[at].results) giver_[v] = at;
  }
}

bool Replacing::is_in_place(size_t argument, ValueId result) const {
  auto const old = f_.arguments[argument].value;
  if (old == result) return true;
  size_t const writer = giver_[result];
  if (writer == no_node || !f_.body.nodes[writer].kernel) return false;
  std::vector<ValueId> same{old}; // the argument's bytes: it, and its reshapes
  for (size_t i = 0; i < same.size(); ++i)
    for (size_t const reader : readers_[same[i]]) {
      if (reader > writer) return false;
      auto const& n = f_.body.nodes[reader];
      if (is_alias(f_, n)) same.push_back(n.result());
    }
  return reads_at_same_index(f_, f_.body.nodes[writer], same, f_.type(result).shape);
}

Places::Places(Function const& f) : f_(f), place_(f.values.size()), root_(roots_of(f)), last_(f.values.size()) {
  outside_places();
  find_lives();
}

// Everything that is not in the arena.
void Places::outside_places() {
  for (auto const& n : f_.body.nodes)
    if (is_kernel(n, KernelKind::scalars))
      for (auto v : n.results) place_[v] = Place{Place::Kind::local, locals_++};
  auto const ends = places_of_results(f_);
  for (size_t i = 0; i < ends.size(); ++i)
    if (ends[i]) place_[f_.results[i].value] = ends[i];
}

void Places::find_lives() {
  for (size_t i = 0; i < f_.body.nodes.size(); ++i)
    for (auto v : f_.body.nodes[i].operands) last_[root_[v]] = i;
  for (auto const& r : f_.results)
    last_[root_[r.value]] = f_.body.nodes.size(); // reports are read at the end of the step
}

// The free slot that grows least, or a new one when that takes less.
i64 Places::take_slot(ValueId v, size_t at) {
  Dim const size = element_count(f_.type(v).shape) * bytes(f_.type(v).dtype);
  i64 least = typical(size);
  size_t best = sizes_.size();
  for (size_t s = 0; s < sizes_.size(); ++s) {
    if (free_from_[s] > at) continue;
    i64 growth = typical(Dim::maximum(sizes_[s], size)) - typical(sizes_[s]);
    if (growth < least) {
      least = growth;
      best = s;
    }
  }
  if (best == sizes_.size()) {
    sizes_.push_back(size);
    free_from_.push_back(0);
  }
  sizes_[best] = Dim::maximum(sizes_[best], size);
  free_from_[best] = std::max(last_[v], at) + 1;
  return static_cast<i64>(best);
}

void Places::assign() {
  for (size_t i = 0; i < f_.body.nodes.size(); ++i) {
    auto const& n = f_.body.nodes[i];
    if (!n.kernel) continue;
    for (auto v : n.results)
      if (!place_[v]) place_[v] = Place{Place::Kind::slot, take_slot(v, i)};
  }
}

void write_places(Function& f, Places const& places) {
  f.slots = places.slots();
  f.locals = places.locals();
  for (auto& n : f.body.nodes) {
    if (!n.kernel) continue;
    std::vector<Place> list;
    for (auto v : n.results) list.push_back(*places.of(v));
    n.kernel->places = std::move(list);
  }
}

} // namespace nnc::memory
