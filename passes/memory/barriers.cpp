// Where threads must meet. What was written, or read, since they last met is kept by place; a kernel that touches it in
// a way that matters waits first. Kernels that one thread runs alone are in order among themselves.
#include "passes/memory/places.h"

#include "ir/op.h"

#include <algorithm>
#include <map>

namespace nnc::memory {
namespace {

using Key = std::pair<Place::Kind, i64>;

struct Touched {
  bool read = false, written = false;
  bool by_many = false; // by a kernel that all threads share; else by the first thread alone
};

class Meetings {
public:
  Meetings(Function& f, Places const& places) : f_(f), places_(places), argument_of_(f.values.size(), -1) {
    for (size_t i = 0; i < f.arguments.size(); ++i) argument_of_[f.arguments[i].value] = static_cast<i64>(i);
  }

  void run() {
    for (auto& n : f_.body.nodes) {
      if (n.op != OpCode::kernel || n.attributes.get<std::string>("kind") == "scalars") continue;
      bool many = n.attributes.get_or<bool>("parallel", true);
      if (waits(n, many)) {
        n.attributes.set("barrier", true);
        since_.clear();
      }
      for (auto const& k : reads(n)) touch(k, many).read = true;
      for (auto const& k : writes(n)) touch(k, many).written = true;
    }
  }

private:
  std::optional<Key> key(ValueId v) const {
    v = places_.root(v);
    if (argument_of_[v] >= 0) return Key{Place::Kind::argument, argument_of_[v]};
    auto const& p = places_.of(v);
    if (!p || p->kind == Place::Kind::local) return {};
    return Key{p->kind, p->index};
  }
  std::vector<Key> keys(std::vector<ValueId> const& values) const {
    std::vector<Key> out;
    for (auto v : values)
      if (auto k = key(v)) out.push_back(*k);
    return out;
  }
  std::vector<Key> reads(Node const& n) const { return keys(n.operands); }
  std::vector<Key> writes(Node const& n) const { return keys(n.results); }

  Touched& touch(Key const& k, bool many) {
    auto& t = since_[k];
    t.by_many |= many;
    return t;
  }
  bool crosses(Key const& k, bool many, bool writes) const {
    auto it = since_.find(k);
    if (it == since_.end() || !(many || it->second.by_many)) return false;
    return it->second.written || (writes && it->second.read);
  }
  bool waits(Node const& n, bool many) const {
    auto const r = reads(n), w = writes(n);
    return std::any_of(r.begin(), r.end(), [&](Key const& k) { return crosses(k, many, false); }) ||
           std::any_of(w.begin(), w.end(), [&](Key const& k) { return crosses(k, many, true); });
  }

  Function& f_;
  Places const& places_;
  std::vector<i64> argument_of_; // per value
  std::map<Key, Touched> since_;
};

} // namespace

void write_barriers(Function& f, Places const& places) { Meetings(f, places).run(); }

} // namespace nnc::memory
