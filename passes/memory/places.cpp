// Which value lives where. See plan_memory.cpp.
#include "passes/memory/places.h"

#include "ir/index_map.h"
#include "ir/memory.h"
#include "ir/scan.h"
#include "ir/walk.h"

#include <algorithm>

namespace nnc::memory {
namespace {

// For comparisons between slots: bytes at an ordinary batch.
i64 typical(Dim const& d) { return d.value({i64{64}, i64{4096}}); }

} // namespace

void Replacing::add_last_node() {
  size_t const at = nodes_.size() - 1;
  readers_.resize(f_.values.size());
  giver_.resize(f_.values.size(), no_node);
  for (auto v : nodes_[at].operands) readers_[v].push_back(at);
  for (auto v : nodes_[at].results) giver_[v] = at;
}

Replacing::Replacing(Function const& f, std::vector<Node> const& nodes)
    : f_(f), nodes_(nodes), readers_(f.values.size()), giver_(f.values.size(), no_node) {
  for (size_t at = 0; at < nodes.size(); ++at) {
    for (auto v : nodes[at].operands) readers_[v].push_back(at);
    for (auto v : nodes[at].results) giver_[v] = at;
  }
}

bool Replacing::is_in_place(ValueId old, ValueId result) const {
  if (old == result) return true;
  size_t const writer = giver_[result];
  if (writer == no_node || !nodes_[writer].kernel) return false;
  std::vector<ValueId> same{old}; // the argument's bytes: it, and its reshapes
  for (size_t i = 0; i < same.size(); ++i)
    for (size_t const reader : readers_[same[i]]) {
      if (reader > writer) return false;
      auto const& n = nodes_[reader];
      if (is_alias(f_, n)) same.push_back(n.result());
    }
  return reads_at_same_index(f_, nodes_[writer], same, f_.type(result).shape);
}

Places::Places(Function const& f)
    : f_(f), place_(f.values.size()), root_(roots_of(f)), last_(f.values.size()), depth_(f.values.size()) {
  outside_places();
  number(f.body.nodes, 0);
  find_lives(f.body.nodes);
  for (auto const& r : f_.results) last_[root_[r.value]] = count_; // reports are read at the end of the step
}

// Everything that is not in the arena.
void Places::outside_places() {
  each_node(f_.body.nodes, [&](Node const& n) {
    if (is_kernel(n, KernelKind::scalars))
      for (auto v : n.results) place_[v] = Place{Place::Kind::local, locals_++};
  });
  auto const ends = places_of_results(f_);
  for (size_t i = 0; i < ends.size(); ++i)
    if (ends[i]) place_[f_.results[i].value] = ends[i];
}

void Places::number(std::vector<Node> const& nodes, size_t depth) {
  for (auto const& n : nodes) {
    numbers_[&n].first = count_++;
    for (auto v : n.results) depth_[v] = depth;
    if (holds_scopes(n))
      for (auto const& r : n.regions) {
        for (auto v : r.arguments) depth_[v] = depth + 1;
        number(r.nodes, depth + 1);
      }
    numbers_[&n].last = count_ - 1;
  }
}

void Places::find_lives(std::vector<Node> const& nodes) {
  for (auto const& n : nodes) {
    auto const number = numbers_.at(&n);
    if (!holds_scopes(n)) {
      for (auto v : n.operands) lives_on(v, number.first);
      continue;
    }
    for (auto v : n.operands) lives_on(v, number.last);
    for (auto v : n.results) lives_on(v, number.last); // its regions write them
    open_.push_back(&n);
    for (auto const& r : n.regions) {
      find_lives(r.nodes);
      for (auto v : r.results) lives_on(v, number.last);
    }
    open_.pop_back();
  }
}

// What is read in a scope and made outside of it is alive in all of it.
void Places::lives_on(ValueId v, size_t at) {
  if (f_.values[v].constant) return;
  v = root_[v];
  if (depth_[v] < open_.size()) at = std::max(at, numbers_.at(open_[depth_[v]]).last);
  last_[v] = std::max(last_[v], at);
}

std::optional<Place> Places::whole(ValueId v) const {
  for (v = root_[v]; place_[v] && place_[v]->kind == Place::Kind::round;)
    v = root_[whole_[static_cast<size_t>(place_[v]->index)]];
  return place_[v];
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

void Places::assign() { assign(f_.body.nodes); }

void Places::assign(std::vector<Node> const& nodes) {
  for (auto const& n : nodes) {
    if (n.op == OpCode::cond) assign_cond(n);
    if (n.op == OpCode::scan) assign_scan(n);
    if (!n.kernel) continue;
    for (auto v : n.results)
      if (!place_[v]) place_[v] = Place{Place::Kind::slot, take_slot(v, numbers_.at(&n).first)};
  }
}

// Each side writes what it gives to where the result is.
void Places::assign_cond(Node const& n) {
  for (size_t i = 0; i < n.results.size(); ++i) {
    place_[n.results[i]] = Place{Place::Kind::slot, take_slot(n.results[i], numbers_.at(&n).first)};
    for (auto const& side : n.regions) place_[side.results[i]] = place_[n.results[i]];
  }
  for (auto const& side : n.regions) assign(side.nodes);
}

void Places::assign_scan(Node const& n) {
  Scan const s(n);
  for (size_t i = 0; i < s.sequences; ++i) place_[s.element(i)] = next_round(s.sequence(i));
  for (size_t i = 0; i < s.carries; ++i) place_[s.next(i)] = place_[root_[s.first(i)]];
  for (size_t i = 0; i < s.stacks(); ++i) {
    place_[s.stack(i)] = Place{Place::Kind::slot, take_slot(s.stack(i), numbers_.at(&n).first)};
    place_[s.given(i)] = next_round(s.stack(i));
  }
  assign(s.body().nodes);
}

Place Places::next_round(ValueId of) {
  whole_.push_back(of);
  return {Place::Kind::round, static_cast<i64>(whole_.size()) - 1};
}

void write_places(Function& f, std::vector<Node>& nodes, Places const& places) {
  f.slots = places.slots();
  f.locals = places.locals();
  for (auto& n : nodes) {
    std::vector<Place> list;
    if (n.kernel) {
      for (auto v : n.results) list.push_back(*places.of(v));
      n.kernel->places = std::move(list);
    } else if (holds_scopes(n)) {
      size_t const carries = n.op == OpCode::scan ? Scan(n).carries : 0;
      for (size_t i = 0; n.op == OpCode::scan && i < Scan(n).sequences; ++i)
        list.push_back(*places.of(Scan(n).element(i)));
      for (size_t i = carries; i < n.results.size(); ++i) list.push_back(*places.of(n.results[i]));
      if (!list.empty()) n.attributes.set("places", std::move(list));
      for (auto& r : n.regions) write_places(f, r.nodes, places);
    }
  }
}

} // namespace nnc::memory
