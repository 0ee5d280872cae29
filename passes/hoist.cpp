// Products in the body of a scan that need no carry are computed for all rounds at once, in front of it or behind it.
//
// What one product computes for all rounds, no round does.
//
//     %h = scan %x, %h0, %w, %u {carries=1, length=9} : f32[batch,8] (%xt: f32[batch,4], %hp: f32[batch,8]) {
//       %0 = dot %xt, %w {contract_lhs=[1], contract_rhs=[0]} : f32[batch,8]
//       %1 = dot %hp, %u {contract_lhs=[1], contract_rhs=[0]} : f32[batch,8]
//       ...
//  becomes
//     %2 = reshape %x : f32[9*batch,4]
//     %3 = dot %2, %w {contract_lhs=[1], contract_rhs=[0]} : f32[9*batch,8]
//     %4 = reshape %3 : f32[9,batch,8]
//     %h = scan %4, %h0, %u {carries=1, length=9} : f32[batch,8] (%0: f32[batch,8], %hp: f32[batch,8]) {
//       %1 = dot %hp, %u {contract_lhs=[1], contract_rhs=[0]} : f32[batch,8]
//       ...
//
// So too behind the scan: a product that is only stacked is one of what its operand is when stacked. Each element is
// the same sum in the same order. What is stacked of a sequence is the sequence. Scans with `recompute` stay as they are:
// they are to hold little.
#include "ir/builder.h"
#include "ir/scan.h"
#include "ir/walk.h"
#include "passes/pass.h"

#include <algorithm>
#include <unordered_set>

namespace nnc {
namespace {

using Axes = std::vector<i64>;

// Rows of the first operand times the second one: rows stay rows.
bool multiplies_rows(Node const& n) {
  if (n.op != OpCode::dot || n.attributes.has("batch_lhs")) return false;
  auto const contracted = n.attributes.get<Axes>("contract_lhs");
  return std::find(contracted.begin(), contracted.end(), 0) == contracted.end();
}

class Hoist {
public:
  explicit Hoist(Function& f) : f_(f) {}
  bool run() {
    list(f_.body.nodes);
    return changed_;
  }

private:
  void list(std::vector<Node>& nodes) {
    auto old = std::move(nodes);
    nodes.clear();
    for (auto& n : old) {
      std::vector<Node> behind;
      if (holds_scopes(n))
        for (auto& r : n.regions) list(r.nodes);
      if (n.op == OpCode::scan && !Scan(n).recompute && !has_kernels(f_)) {
        to_front(n, nodes);
        to_back(n, behind);
      }
      if (holds_scopes(n)) list_captures(f_, n);
      if (!n.results.empty()) nodes.push_back(std::move(n)); // else it gave sequences only
      std::move(behind.begin(), behind.end(), std::back_inserter(nodes));
    }
  }

  // Its second operand is the same in every round.
  bool multiplies_by_the_same(Region const& body, Node const& n) const {
    if (!multiplies_rows(n) || f_.type(n.operands[0]).rank() == 0) return false;
    bool inside = false;
    each_definition_in(body, [&](ValueId v) { inside |= v == n.operands[1]; });
    return !inside;
  }

  void to_front(Node& scan, std::vector<Node>& front) {
    auto& body = scan.regions.front();
    for (size_t i = 0; i < body.nodes.size();) {
      Node const n = body.nodes[i];
      auto const sequences = static_cast<std::ptrdiff_t>(Scan(scan).sequences);
      auto const elements = body.arguments.begin() + sequences;
      auto const element = n.operands.empty() ? elements : std::find(body.arguments.begin(), elements, n.operands[0]);
      if (element == elements || !multiplies_by_the_same(body, n)) {
        ++i;
        continue;
      }
      ValueId const of = scan.operands[static_cast<size_t>(element - body.arguments.begin())];
      ValueId const all = product_of_all(front, n, of, Scan(scan).length);
      body.nodes.erase(body.nodes.begin() + static_cast<std::ptrdiff_t>(i));
      scan.operands.insert(scan.operands.begin() + sequences, all);
      body.arguments.insert(body.arguments.begin() + sequences, n.result());
      changed_ = true;
    }
  }

  void to_back(Node& scan, std::vector<Node>& behind) {
    auto& body = scan.regions.front();
    for (size_t i = Scan(scan).carries; i < body.results.size(); ++i) {
      if (give_sequence(scan, i, behind)) {
        --i;
        continue;
      }
      auto const at = std::find_if(body.nodes.begin(), body.nodes.end(),
                                   [&](Node const& n) { return n.result() == body.results[i]; });
      if (at == body.nodes.end() || uses(body, body.results[i]) != 1 || !multiplies_by_the_same(body, *at)) continue;
      Node const n = *at;
      ValueId const old = scan.results[i], operand = n.operands[0];
      if (f_.values[operand].constant) continue;
      body.nodes.erase(at);
      ValueId const all = product_of_all(behind, n, stack_of(scan, i, operand), Scan(scan).length);
      behind.back().results = {old};
      f_.values[all].name.clear();
      changed_ = true;
      i = Scan(scan).carries - 1; // the results have moved
    }
  }
  // A stack of elements is the sequence.
  bool give_sequence(Node& scan, size_t i, std::vector<Node>& behind) {
    auto& body = scan.regions.front();
    auto const elements = body.arguments.begin() + static_cast<std::ptrdiff_t>(Scan(scan).sequences);
    auto const element = std::find(body.arguments.begin(), elements, body.results[i]);
    if (element == elements) return false;
    ValueId const of = scan.operands[static_cast<size_t>(element - body.arguments.begin())], old = scan.results[i];
    Builder(f_, behind).make(OpCode::reshape, {of}, {}, f_.type(of));
    behind.back().results = {old};
    body.results.erase(body.results.begin() + static_cast<std::ptrdiff_t>(i));
    scan.results.erase(scan.results.begin() + static_cast<std::ptrdiff_t>(i));
    return changed_ = true;
  }
  static size_t uses(Region const& body, ValueId v) {
    size_t count = 0;
    for (auto const& n : body.nodes) each_read(n, [&](ValueId x) { count += x == v; });
    return count + static_cast<size_t>(std::count(body.results.begin(), body.results.end(), v));
  }
  // Of `v`, which is stacked already, or now in the place of result i.
  ValueId stack_of(Node& scan, size_t i, ValueId v) {
    auto& body = scan.regions.front();
    auto const carries = static_cast<std::ptrdiff_t>(Scan(scan).carries);
    auto const known = std::find(body.results.begin() + carries, body.results.end(), v);
    if (known != body.results.end()) {
      ValueId const stack = scan.results[static_cast<size_t>(known - body.results.begin())];
      body.results.erase(body.results.begin() + static_cast<std::ptrdiff_t>(i));
      scan.results.erase(scan.results.begin() + static_cast<std::ptrdiff_t>(i));
      return stack;
    }
    std::vector<Node> none;
    body.results[i] = v;
    scan.results[i] = Builder(f_, none).value(stacked(f_.type(v), Scan(scan).length));
    return scan.results[i];
  }

  // The last node that it makes gives the result of `n`, stacked.
  ValueId product_of_all(std::vector<Node>& nodes, Node const& n, ValueId operand, i64 length) {
    Builder make(f_, nodes);
    make.at = n.at;
    Shape rows = f_.type(operand).shape;
    rows[1] = rows[0] * rows[1];
    rows.erase(rows.begin());
    ValueId const flat = make.make(OpCode::reshape, {operand}, {}, Type{f_.type(operand).dtype, rows});
    ValueId const product = make.make(n.op, {flat, n.operands[1]}, n.attributes);
    return make.make(OpCode::reshape, {product}, {}, stacked(f_.type(n.result()), length));
  }

  Function& f_;
  bool changed_ = false;
};

} // namespace

PassResult hoist(Module m, PassContext&) {
  return each_function(std::move(m), [](Function& f) { return Hoist(f).run(); });
}

} // namespace nnc
