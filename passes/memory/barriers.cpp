// Where threads must meet: in front of a kernel that touches what others may still touch (ir/memory.h).
#include "ir/memory.h"
#include "passes/memory/places.h"

namespace nnc::memory {
namespace {

class Meetings {
public:
  Meetings(Function& f, Places const& places) : f_(f), places_(places), argument_of_(f.values.size(), -1) {
    for (size_t i = 0; i < f.arguments.size(); ++i) argument_of_[f.arguments[i].value] = static_cast<i64>(i);
  }

  void run() {
    Hazards hazards;
    list(f_.body.nodes, hazards);
  }

private:
  void list(std::vector<Node>& nodes, Hazards& hazards) {
    for (auto& n : nodes) {
      if (n.op == OpCode::cond) cond(n, hazards);
      if (n.op == OpCode::scan) scan(n, hazards);
      if (!n.kernel || n.kernel->kind == KernelKind::scalars) continue;
      Touches const t{storages(n.operands), storages(n.results), n.kernel->is_parallel()};
      if (n.kernel->barrier) hazards.met();
      else if (hazards.must_meet(t)) {
        n.kernel->barrier = true;
        hazards.met();
      }
      hazards.ran(t);
    }
  }

  // Every thread reads the condition.
  void cond(Node& n, Hazards& hazards) {
    Touches const t{storages({n.operands[0]}), {}, true};
    if (n.attributes.get_or("barrier", false)) hazards.met();
    else if (hazards.must_meet(t)) {
      n.attributes.set("barrier", true);
      hazards.met();
    }
    hazards.ran(t);
    Hazards other = hazards;
    list(n.regions[0].nodes, hazards);
    list(n.regions[1].nodes, other);
    hazards.join(other);
  }

  // A second time behind the first: what a round touches, the next one does.
  void scan(Node& n, Hazards& hazards) {
    Hazards const before = hazards;
    for (int round = 0; round < 2; ++round) list(n.regions.front().nodes, hazards);
    hazards.join(before); // of no rounds
  }

  std::vector<Place> storages(std::vector<ValueId> const& values) const {
    std::vector<Place> out;
    for (auto v : values) {
      v = places_.root(v);
      auto const p = places_.whole(v);
      if (argument_of_[v] >= 0) out.push_back({Place::Kind::argument, argument_of_[v]});
      else if (p && p->kind != Place::Kind::local) out.push_back(*p);
    }
    return out;
  }

  Function& f_;
  Places const& places_;
  std::vector<i64> argument_of_; // per value
};

} // namespace

void write_barriers(Function& f, Places const& places) { Meetings(f, places).run(); }

} // namespace nnc::memory
