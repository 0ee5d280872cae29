// What is read is still there. The kernels are walked in order, with the value that each place holds; a place that is
// needed once more than it lasts is named, and a barrier that is missing (ir/memory.h).
#include "ir/memory.h"
#include "ir/op.h"
#include "ir/scan.h"
#include "ir/verify/parts.h"
#include "ir/walk.h"

#include <fmt/core.h>
#include <map>
#include <set>
#include <utility>

namespace nnc::verifying {
namespace {

class Memory {
public:
  Memory(Function const& f, KnownValues const& known, Homes homes, Complain const& complain)
      : f_(f), complain_(complain, f), root_(known.roots), home_(std::move(homes)), known_(known.numbers) {
    each_node(f.body.nodes, [&](Node const& n) {
      if (n.op != OpCode::scan) return;
      Scan const s(n);
      for (size_t i = 0; i < s.carries; ++i) next_carries_.insert(s.next(i));
    });
  }

  void run() {
    run(f_.body.nodes);
    for (auto const& r : f_.results)
      if (!f_.values[r.value].constant && !is_at_home(r.value))
        complain_(f_.values[r.value].at, fmt::format("{} is overwritten by {} before the function ends",
                                                     shown(f_, r.value), shown(f_, holder(*home(r.value)))));
  }

private:
  using Key = std::pair<Place::Kind, i64>;
  std::optional<Place> const& home(ValueId v) const { return home_[root_[v]]; }
  ValueId holder(Place const& p) const {
    if (auto it = holder_.find(Key{p.kind, p.index}); it != holder_.end()) return it->second;
    return p.kind == Place::Kind::argument ? f_.arguments[static_cast<size_t>(p.index)].value : no_value;
  }
  bool is_at_home(ValueId v) const { return holder(*home(v)) == root_[v]; }

  void run(std::vector<Node> const& list) {
    for (auto const& n : list) {
      if (is_kernel(n)) kernel(n);
      if (n.op == OpCode::scan) scan(Scan(n));
      if (n.op == OpCode::cond) cond(n);
    }
  }
  void hold(ValueId v) { holder_[Key{home(v)->kind, home(v)->index}] = root_[v]; }
  void is_there(Node const& n, ValueId v, ValueId now) {
    if (holder(*home(v)) != now)
      complain_(n.at, fmt::format("{} of {} has lost its place, {}, to {}", shown(f_, v), info(n.op).name,
                                  text(*home(v)), shown(f_, holder(*home(v)))));
  }

  // Two rounds: what the first one leaves behind, the second one finds.
  void scan(Scan const& s) {
    for (size_t i = 0; i < s.carries; ++i) is_there(s.node, s.first(i), root_[s.first(i)]);
    for (size_t i = 0; i < s.stacks(); ++i) hold(s.stack(i));
    Hazards const before = hazards_;
    for (int round = 0; complain_.none() && round < 2; ++round) {
      for (size_t i = 0; i < s.sequences; ++i) {
        is_there(s.node, s.sequence(i), root_[s.sequence(i)]);
        hold(s.element(i));
        whole_[home(s.element(i))->index] = s.sequence(i);
      }
      for (size_t i = 0; i < s.stacks(); ++i)
        if (home(s.given(i))) whole_[home(s.given(i))->index] = s.stack(i);
      run(s.body().nodes);
      for (size_t i = 0; i < s.carries; ++i) {
        is_there(s.node, s.first(i), s.next(i));
        hold(s.first(i));
      }
      for (size_t i = 0; i < s.stacks(); ++i) {
        is_there(s.node, s.stack(i), s.stack(i));
        if (home(s.given(i))->kind != Place::Kind::round)
          complain_(s.node.at,
                    fmt::format("{} is stacked, but is in {}", shown(f_, s.given(i)), text(*home(s.given(i)))));
      }
    }
    hazards_.join(before);
  }

  void cond(Node const& n) {
    if (!known_[n.operands[0]]) {
      if (!is_at_home(n.operands[0]))
        complain_(n.at, fmt::format("{} is read here, but {} has taken its place, {}", shown(f_, n.operands[0]),
                                    shown(f_, holder(*home(n.operands[0]))), text(*home(n.operands[0]))));
      meet(n, {shared({n.operands[0]}), {}, true}, n.attributes.get_or("barrier", false));
    }
    auto const holders = holder_;
    Hazards const hazards = hazards_;
    run(n.regions[0].nodes);
    side_is_there(n, n.regions[0]);
    auto const first = std::exchange(holder_, holders);
    Hazards const other = std::exchange(hazards_, hazards);
    run(n.regions[1].nodes);
    side_is_there(n, n.regions[1]);
    hazards_.join(other);
    for (auto const& [place, v] : first)
      if (auto [it, fresh] = holder_.try_emplace(place, v); !fresh && it->second != v) it->second = no_value;
    for (auto v : n.results) hold(v);
  }
  void side_is_there(Node const& n, Region const& side) {
    for (size_t i = 0; i < n.results.size(); ++i) is_there(n, n.results[i], side.results[i]);
  }

  void kernel(Node const& n) {
    for (auto v : n.operands)
      if (!is_at_home(v))
        complain_(n.at, fmt::format("{} is read here, but {} has taken its place, {}", shown(f_, v),
                                    shown(f_, holder(*home(v))), text(*home(v))));
    for (auto v : n.results) {
      if (auto old = overwritten_while_read(n, v); old != no_value)
        complain_(n.at, fmt::format("{} is written over {}, which this kernel reads", shown(f_, v), shown(f_, old)));
    }
    for (auto v : n.results) holder_[Key{home_[v]->kind, home_[v]->index}] = v;
    if (n.kernel->kind != KernelKind::scalars)
      meet(n, {shared(n.operands), shared(n.results), n.kernel->is_parallel()}, n.kernel->barrier);
  }

  ValueId overwritten_while_read(Node const& n, ValueId v) const {
    std::vector<ValueId> old;
    for (auto o : n.operands)
      if (home(o) == home_[v]) old.push_back(o);
    if (old.empty()) return no_value;
    bool const replaces = home_[v]->kind == Place::Kind::argument || next_carries_.contains(v);
    bool const in_place = replaces && reads_at_same_index(f_, n, old, f_.type(v).shape);
    return in_place ? no_value : old.front();
  }

  void meet(Node const& n, Touches const& t, bool barrier) {
    if (barrier) hazards_.met();
    else if (hazards_.must_meet(t))
      complain_(n.at, fmt::format("this {} needs barrier=true: it touches what other threads may still read or write",
                                  info(n.op).name));
    hazards_.ran(t);
  }
  // Of a part of a sequence the place of all of it.
  std::vector<Place> shared(std::vector<ValueId> const& values) const {
    std::vector<Place> places;
    for (auto v : values) {
      Place p = *home(v);
      while (p.kind == Place::Kind::round && whole_.contains(p.index)) p = *home(whole_.at(p.index));
      if (p.kind != Place::Kind::local) places.push_back(p);
    }
    return places;
  }

  Function const& f_;
  Complaints complain_;
  std::vector<ValueId> const& root_; // per value
  Homes home_;
  std::vector<bool> const& known_; // per value: a number that every thread has
  std::map<Key, ValueId> holder_;
  std::set<ValueId> next_carries_; // written over the carries of the round
  std::map<i64, ValueId> whole_;   // per round(i): what it is a part of
  Hazards hazards_;
};

} // namespace

void verify_memory(Module const& m, Function const& f, Complain const& complain) {
  KnownValues const known{roots_of(f), numbers_of_threads(f)};
  if (!verify_stored(f, known, complain) || !is_planned(f)) return;
  if (auto homes = verify_places(m, f, known, complain)) Memory(f, known, std::move(*homes), complain).run();
}

} // namespace nnc::verifying
