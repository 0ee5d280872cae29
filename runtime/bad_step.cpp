#include "runtime/bad_step.h"

#include "ir/op.h"
#include "ir/origins.h"
#include "ir/printable.h"
#include "ir/text/literal.h"
#include "ir/walk.h"
#include "runtime/failure.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <set>

namespace nnc {
namespace {

std::vector<u8> bytes_in(HostTensor const& tensor) { return {tensor.bytes().begin(), tensor.bytes().end()}; }

template <class T>
void take(Tensor& into, u8 const* bytes) {
  auto const put = [&](size_t k, T x) {
    if constexpr (std::is_floating_point_v<T>) into.f[k] = static_cast<f64>(x);
    else into.i[k] = static_cast<i64>(x);
  };
  for (size_t k = 0; k < static_cast<size_t>(into.size()); ++k) {
    T x;
    std::memcpy(&x, bytes + k * sizeof x, sizeof x);
    put(k, x);
  }
}

void take_narrow(Tensor& into, u8 const* bytes) {
  for (size_t k = 0; k < into.f.size(); ++k) {
    u16 bits = 0;
    std::memcpy(&bits, bytes + k * sizeof bits, sizeof bits);
    into.f[k] = into.dtype == DType::bf16 ? std::bit_cast<f32>(static_cast<u32>(bits) << 16)
                                          : static_cast<f32>(std::bit_cast<_Float16>(bits));
  }
}

Tensor tensor_of(DType dtype, std::vector<i64> const& shape, u8 const* bytes) {
  auto tensor = Tensor::zeros(dtype, shape);
  switch (dtype) {
  case DType::f64: take<f64>(tensor, bytes); break;
  case DType::f32: take<f32>(tensor, bytes); break;
  case DType::f16:
  case DType::bf16: take_narrow(tensor, bytes); break;
  case DType::i64: take<i64>(tensor, bytes); break;
  case DType::i32: take<i32>(tensor, bytes); break;
  case DType::i8: take<i8>(tensor, bytes); break;
  case DType::u8:
  case DType::bool_: take<u8>(tensor, bytes); break;
  }
  return tensor;
}

Tensor tensor_of(HostTensor const& tensor) { return tensor_of(tensor.dtype(), tensor.shape(), tensor.bytes().data()); }

Tensor number_of(DType dtype, f64 f, i64 i) {
  auto tensor = Tensor::zeros(dtype, {});
  if (is_float(dtype)) tensor.f[0] = f;
  else tensor.i[0] = i;
  return tensor;
}

class Explainer {
public:
  Explainer(SessionState& state, StepToExplain const& step)
      : state_(state), step_(step), work_(step.work), module_(state.program().variant(work_.batch).module()),
        whole_(*module_.function(step.function.name)), f_(needed_part()), sources_(state.program().sources()) {}

  BadStep run() {
    found_ = find_origins(module_, f_, arguments(), step_.between);
    bad_.step = work_.first_step;
    bad_.epoch = step_.epoch;
    note_makers();
    auto const* origin = chosen();
    bad_.bad = what_is_bad();
    if (!origin) by_rounding();
    else if (origin->kind == Origin::Kind::node) by_node(*origin);
    else if (origin->kind == Origin::Kind::argument) by_argument(*origin);
    else by_literal(*origin);
    said_.notes.push_back({{}, fmt::format("behind this step {} is not finite", printable(bad_.bad))});
    said_.severity = Severity::note;
    said_.message = fmt::format("step {} of epoch {}: {}", bad_.step, bad_.epoch, said_.message);
    if (said_.at) bad_.at = {sources_.name(said_.at.file), said_.at.line, said_.at.column};
    bad_.text = render(said_, sources_);
    while (bad_.text.ends_with('\n')) bad_.text.pop_back();
    return bad_;
  }

private:
  // ---- What the step was called with --------------------------------------------------------------------------------

  std::vector<Tensor> arguments() const {
    std::vector<Tensor> all;
    for (auto const& argument : f_.arguments) all.push_back(given(argument));
    return all;
  }

  Tensor given(Argument const& argument) const {
    auto const& value = f_.values[argument.value];
    switch (argument.role) {
    case Role::data:
    case Role::input:
    case Role::target: return batch_of(value);
    case Role::rows: {
      auto rows = Tensor::zeros(DType::i32, {work_.batch});
      for (i64 k = 0; k < work_.batch; ++k) rows.i[static_cast<size_t>(k)] = k;
      return rows;
    }
    case Role::carried:
      if (auto const& pass = state_.training_pass; pass.open)
        return tensor_of(named(pass.tensors.at(*pass.open), value.name)->tensor);
      return initial(value.name);
    case Role::scalar: return number_of(value.type.dtype, state_.scalar(value.name), 0);
    case Role::step: return number_of(value.type.dtype, 0, work_.first_step);
    case Role::seed: return number_of(value.type.dtype, 0, static_cast<i64>(state_.seed));
    default: return tensor_of(state_.parameter(value.name));
    }
  }

  // The rows of this batch, as if they were the whole column.
  Tensor batch_of(Value const& value) const {
    auto const& inputs = state_.program().inputs();
    auto const input = static_cast<size_t>(std::ranges::find(inputs, value.name, &BoundInput::name) - inputs.begin());
    auto const* column = static_cast<u8 const*>(work_.columns.at(input));
    std::vector<i64> shape{work_.batch};
    for (size_t axis = 1; axis < value.type.shape.size(); ++axis) shape.push_back(*value.type.shape[axis].constant());
    auto const size = static_cast<size_t>(*bytes_of(shape, value.type.dtype) / work_.batch);
    std::vector<u8> rows(size * static_cast<size_t>(work_.batch));
    for (i64 k = 0; k < work_.batch; ++k)
      std::memcpy(rows.data() + static_cast<size_t>(k) * size, column + static_cast<size_t>(row(k)) * size, size);
    return tensor_of(value.type.dtype, shape, rows.data());
  }
  i64 row(i64 of_batch) const { return work_.rows ? work_.rows[of_batch] : of_batch; }

  // What @begin_pass makes, where no pass has begun.
  Tensor initial(std::string const& name) const {
    auto const& begin = *module_.function("begin_pass");
    std::vector<Tensor> seeds;
    for (auto const& argument : begin.arguments) seeds.push_back(given(argument));
    auto const all = evaluate(module_, begin, seeds);
    for (size_t i = 0; i < begin.results.size(); ++i)
      if (begin.results[i].name == name) return all[i];
    throw CompilerBug(fmt::format("nothing begins the state '{}'", name));
  }

  // Of the step what gives the loss or the tensors that are not finite: for a loss neither the gradient nor the update.
  Function needed_part() const {
    Function part = whole_;
    std::erase_if(part.results, [&](Result const& result) {
      if (step_.bad.empty()) return result.role != Role::loss;
      return !is_kept(result.role) || std::ranges::count(step_.all, result.name) == 0;
    });
    std::vector<bool> needed(part.values.size());
    for (auto const& result : part.results) needed[result.value] = true;
    prune(part.body, needed);
    return part;
  }
  static void prune(Region& region, std::vector<bool>& needed) {
    auto const is_needed = [&](Node const& n) {
      return std::ranges::any_of(n.results, [&](ValueId r) { return needed[r]; });
    };
    std::vector<Node> kept;
    for (size_t i = region.nodes.size(); i-- > 0;) {
      auto& n = region.nodes[i];
      if (!is_needed(n)) continue;
      if (n.op == OpCode::kernel) prune(n.regions.front(), needed);
      else each_read(n, [&](ValueId v) { needed[v] = true; });
      kept.push_back(std::move(n));
    }
    std::ranges::reverse(kept);
    region.nodes = std::move(kept);
  }

  // ---- Which origin is the one --------------------------------------------------------------------------------------

  // The first one, of those that are not meant.
  Origin const* chosen() const {
    std::optional<size_t> best;
    auto const rank = [&](size_t i) { return std::pair(found_.list[i].meant, i); };
    for (auto const& of : found_.of_result)
      if (of && (!best || rank(*of) < rank(*best))) best = of;
    return best ? &found_.list[*best] : nullptr;
  }

  std::string what_is_bad() const {
    if (!step_.bad.empty()) return step_.bad;
    std::string first;
    for (size_t i = 0; i < f_.results.size(); ++i) {
      if (f_.results[i].role != Role::loss) continue;
      if (found_.of_result[i]) return fmt::format("the loss '{}'", f_.results[i].name);
      if (first.empty()) first = f_.results[i].name;
    }
    return fmt::format("the loss '{}'", first);
  }

  // ---- Words --------------------------------------------------------------------------------------------------------

  void note_makers() {
    maker_.assign(f_.values.size(), nullptr);
    each_node(whole_.body.nodes, [&](Node const& n) {
      if (n.op == OpCode::kernel) return;
      for (auto const r : n.results) maker_[r] = &n;
    });
  }

  std::string number(ValueId v, f64 x) const {
    auto const dtype = f_.type(v).dtype;
    return literal_text(dtype, {.f = x, .i = is_float(dtype) ? 0 : static_cast<i64>(x)});
  }
  static std::string place(i64 element, std::vector<i64> const& shape) {
    return shape.empty() ? "" : fmt::format("[{}]", fmt::join(index_of(element, shape), ", "));
  }
  std::string type(ValueId v, std::vector<i64> const& shape) const {
    Type t{f_.type(v).dtype, {}};
    for (i64 const extent : shape) t.shape.emplace_back(extent);
    return t.text();
  }
  // "from 0 to 4.5", "from 0 to 4.5, 2 of 12 are not finite"
  std::string range(ValueId v, Extent const& extent) const {
    std::string text;
    if (extent.not_finite < extent.elements)
      text = fmt::format("from {} to {}", number(v, extent.least), number(v, extent.greatest));
    if (extent.not_finite == 0) return text;
    return fmt::format("{}{}{} of {} not finite", text, text.empty() ? "" : ", ", extent.not_finite, extent.elements);
  }
  // As the language has it: "log", "+", "sum".
  static std::string word(Node const& n) {
    constexpr std::string_view folds = "reduce_";
    auto const word = info(n.op).word();
    return std::string(word.starts_with(folds) ? word.substr(folds.size()) : word);
  }

  // How an operand is called: by its name, or by what made it.
  std::string called(ValueId v) const {
    auto const& value = f_.values[v];
    if (value.name.ends_with('\''))
      return fmt::format("the gradient of '{}'", printable(value.name.substr(0, value.name.size() - 1)));
    if (!value.name.empty()) return fmt::format("'{}'", printable(value.name));
    return maker_[v] ? fmt::format("an operand, which {} gives,", word(*maker_[v])) : "an operand";
  }

  void by_node(Origin const& origin) {
    auto const& n = *origin.node;
    bad_.cause = BadStep::Cause::operation;
    bad_.name = word(n);
    bad_.index = index_of(origin.element, origin.shape);
    bad_.value = origin.number;
    said_.at = n.at;
    bad_.part = part_of(n);
    said_.message = fmt::format("{}{} gives {}", bad_.name,
                                bad_.part.empty() ? "" : fmt::format(", a step of {},", printable(bad_.part)),
                                number(origin.value, origin.number));
    if (!origin.shape.empty())
      said_.message += fmt::format(" at {} of {}, {} of {} not finite", place(origin.element, origin.shape),
                                   type(origin.value, origin.shape), origin.all.not_finite, origin.all.elements);
    std::set<ValueId> told;
    for (auto const& operand : origin.operands)
      if (told.insert(operand.value).second) said_.notes.push_back(operand_note(operand));
    say_example(origin);
    if (auto const [part, scans] = part_of(origin); scans > 0)
      said_.notes.push_back({{}, fmt::format("in part {} of {} of the step, counted from 0", part, f_.parts)});
    for (auto const& round : std::span(origin.rounds).subspan(part_of(origin).second))
      said_.notes.push_back({round.scan->at, fmt::format("in round {} of {} of this scan{}, counted from 0", round.at,
                                                         round.of, round.reverse ? ", which runs backwards" : "")});
  }

  Note operand_note(Origin::Operand const& operand) const {
    auto const v = operand.value;
    if (f_.values[v].constant) return {{}, fmt::format("an operand is the number {}", number(v, operand.number))};
    auto const& maker = maker_[v];
    auto const at = f_.values[v].name.empty() && maker ? maker->at : Location{};
    if (operand.shape.empty()) return {at, fmt::format("{} is {}", called(v), number(v, operand.number))};
    auto const whole = fmt::format("{} {}", type(v, operand.shape), range(v, operand.all));
    if (!operand.known) return {at, fmt::format("{} is {}", called(v), whole)};
    if (operand.read.elements == 1)
      return {at, fmt::format("{} is {} at {} of {}", called(v), number(v, operand.number),
                              place(operand.element, operand.shape), whole)};
    return {at, fmt::format("{} is {}, of which {} elements are read for this one, {}", called(v), whole,
                            operand.read.elements, range(v, operand.read))};
  }

  // Which part of a step in parts it is, and how many scans go over them: these are no lines of the program.
  std::pair<i64, size_t> part_of(Origin const& origin) const {
    i64 part = 0;
    size_t scans = 0;
    for (auto const& round : origin.rounds) {
      if (f_.parts == 1 || round.scan->at) break;
      part = part * round.of + round.at;
      ++scans;
    }
    return {part, scans};
  }

  // Which of the examples it is, where the rows are those of the batch.
  void say_example(Origin const& origin) {
    auto const& shape = f_.type(origin.value).shape;
    if (shape.empty() || shape[0] != Dim(Symbol::batch) || step_.is_stream) return;
    bad_.example = row(part_of(origin).first * (work_.batch / f_.parts) + bad_.index.front());
    said_.notes.push_back({{}, fmt::format("row {} of the batch is example {}", bad_.index.front(), bad_.example)});
  }

  // What the node is a step of, if it is not what the line of the program says itself.
  std::string part_of(Node const& n) const {
    auto const of_model = [](Role role) {
      return is_report(role) || role == Role::table || role == Role::state || role == Role::carried;
    };
    bool const forward = depends_on(n, of_model);
    if (auto const* parameter = forward ? nullptr : updated_by(n)) return fmt::format("the update of '{}'", *parameter);
    std::vector<std::string> said; // operations that stand there
    bool known = false;            // a module that comes as text may be behind the pass that makes gradients
    for (auto const& function : state_.program().elaborated().functions) {
      if (!function.name.starts_with("loss")) continue;
      known = true;
      each_node(function.body.nodes, [&](Node const& model) {
        bool const counts = model.at == n.at && !info(model.op).has(structural | moves_data | no_derivative);
        if (counts && std::ranges::count(said, word(model)) == 0) said.push_back(word(model));
      });
    }
    if (!known) return "";
    auto const all = fmt::format("{}", fmt::join(said, ", "));
    if (!forward) return said.empty() ? "the gradient" : fmt::format("the gradient of {}", all);
    return std::ranges::count(said, word(n)) > 0 ? "" : all;
  }

  // Does a result of such a role need the node?
  template <class Wanted>
  bool depends_on(Node const& node, Wanted const& wanted) const {
    std::vector<bool> needed(f_.values.size());
    for (auto const& result : whole_.results)
      if (wanted(result.role)) needed[result.value] = true;
    bool found = false;
    auto const is_needed = [&](Node const& n) {
      return std::ranges::any_of(n.results, [&](ValueId r) { return needed[r]; });
    };
    auto const walk = [&](auto const& self, std::vector<Node> const& nodes) -> void {
      for (size_t i = nodes.size(); i-- > 0;) {
        auto const& n = nodes[i];
        if (!is_needed(n)) continue;
        if (n.op == OpCode::kernel) {
          self(self, n.regions.front().nodes);
          continue;
        }
        each_read(n, [&](ValueId v) { needed[v] = true; });
        std::span const one(&n, 1);
        each_node(one, [&](Node const& inner) { found = found || inner.results == node.results; });
      }
    };
    walk(walk, whole_.body.nodes);
    return found;
  }

  // The parameter in whose update the node is: its place is one of the optimizer.
  std::string const* updated_by(Node const& n) const {
    for (auto const& function : state_.program().elaborated().functions) {
      if (!function.name.starts_with("update")) continue;
      bool here = false;
      each_node(function.body.nodes, [&](Node const& update) { here = here || update.at == n.at; });
      if (!here) continue;
      auto const name = function.name.substr(function.name.find('.') + 1);
      for (auto const& result : whole_.results)
        if (result.role == Role::param && result.name == name && reaches(n, result.value)) return &result.name;
    }
    return nullptr;
  }
  bool reaches(Node const& node, ValueId result) const {
    std::vector<bool> reached(f_.values.size());
    for (auto const r : node.results) reached[r] = true;
    each_node(whole_.body.nodes, [&](Node const& n) {
      bool const reads = std::ranges::any_of(n.operands, [&](ValueId v) { return reached[v]; });
      if (reads && n.op != OpCode::kernel)
        for (auto const r : n.results) reached[r] = true;
    });
    return reached[result];
  }

  void by_argument(Origin const& origin) {
    auto const& argument = f_.arguments[origin.argument];
    auto const& value = f_.values[argument.value];
    said_.at = value.at;
    bad_.name = value.name;
    bad_.index = index_of(origin.element, origin.shape);
    bad_.value = origin.number;
    auto const x = number(origin.value, origin.number);
    if (argument.role == Role::data || argument.role == Role::input || argument.role == Role::target)
      return by_data(origin, x);
    bad_.cause = BadStep::Cause::weight;
    if (argument.role == Role::scalar) {
      said_.message = fmt::format("the number '{}' is {}", printable(value.name), x);
      return;
    }
    auto const* const kind = argument.role == Role::param       ? "the parameter"
                             : argument.role == Role::optimizer ? "the optimizer's"
                                                                : "the state";
    said_.message = fmt::format("{} '{}' is {}", kind, printable(value.name), x);
    if (!origin.shape.empty())
      said_.message += fmt::format(" at {} of {}, {}", place(origin.element, origin.shape),
                                   type(origin.value, origin.shape), range(origin.value, origin.all));
    said_.message += step_.is_first ? ", already before the training" : ", already before the step";
  }

  void by_data(Origin const& origin, std::string const& x) {
    auto const& inputs = state_.program().inputs();
    auto const input = static_cast<size_t>(std::ranges::find(inputs, bad_.name, &BoundInput::name) - inputs.begin());
    if (input < step_.columns.size() && !step_.columns[input].empty()) bad_.name = step_.columns[input];
    bad_.cause = BadStep::Cause::data;
    bad_.example = row(bad_.index.front());
    bad_.index.erase(bad_.index.begin());
    auto const at = bad_.index.empty() ? "" : fmt::format(" at [{}]", fmt::join(bad_.index, ", "));
    said_.message = fmt::format("example {}{} of column '{}' is {}{}", bad_.example,
                                step_.is_stream ? " of the batch" : "", printable(bad_.name), x, at);
    said_.notes.push_back(
        {{},
         fmt::format("of the {} numbers of this batch {} not finite", origin.all.elements,
                     origin.all.not_finite == 1 ? "1 is" : fmt::format("{} are", origin.all.not_finite))});
  }

  void by_literal(Origin const& origin) {
    bad_.cause = BadStep::Cause::literal;
    bad_.value = origin.number;
    bad_.name = number(origin.value, origin.number);
    said_.at = f_.values[origin.value].at;
    said_.message = fmt::format("the program writes {} here", bad_.name);
  }

  void by_rounding() {
    bad_.cause = BadStep::Cause::rounding;
    auto const& largest = found_.largest;
    said_.message = "the evaluator, which rounds a sum once, finds all numbers finite: in the compiled code a sum goes "
                    "beyond the largest number on its way";
    if (!largest.node) return;
    said_.at = largest.node->at;
    bad_.name = word(*largest.node);
    bad_.value = largest.number;
    said_.notes.push_back({{},
                           fmt::format("the largest number of the step is {}, which {} gives here",
                                       number(largest.value, largest.number), bad_.name)});
  }

  SessionState& state_;
  StepToExplain const& step_;
  Work const& work_;
  Module const& module_;
  Function const& whole_; // the step
  Function const f_;      // what is evaluated of it; its values have the same numbers
  Sources const& sources_;
  Origins found_;
  std::vector<Node const*> maker_; // of each value, outside of its kernels
  Diagnostic said_;
  BadStep bad_;
};

} // namespace

StateCopy::StateCopy(SessionState const& state) {
  for (auto const role : {Role::param, Role::state, Role::optimizer})
    for (auto const& [name, tensor] : state.tensors(role)) kept_.emplace_back(name, bytes_in(tensor));
  auto const& pass = state.training_pass;
  if (!pass.open) return;
  carried_.emplace(Carried{*pass.open, {}});
  for (auto const& [name, tensor] : pass.tensors.at(*pass.open)) {
    HostTensor copy(tensor.dtype(), tensor.shape());
    std::ranges::copy(tensor.bytes(), copy.writable().begin());
    carried_->tensors.push_back({name, std::move(copy)});
  }
}

void StateCopy::put_back(SessionState& state) const {
  for (auto const& [name, bytes] : kept_) std::ranges::copy(bytes, state.tensor(name)->writable().begin());
  DataPass pass;
  if (carried_) {
    pass.tensors[carried_->batch] = carried_->tensors;
    pass.open = carried_->batch;
  }
  state.training_pass.take(pass);
}

BadStep explain(SessionState& state, StepToExplain const& step) { return Explainer(state, step).run(); }

} // namespace nnc
