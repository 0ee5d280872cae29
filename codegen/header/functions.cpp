// The functions of a header: each checks what it is given, lists it for the object and calls that.
#include "codegen/header/net.h"
#include "codegen/header/texts.h"
#include "ir/host.h"

namespace nnc {
namespace {

using Text = std::string;

// By two blanks.
Text indented(Text const& text) {
  Text out;
  bool begins = true;
  for (char c : text) {
    if (begins) out += "  ";
    begins = c == '\n';
    out += c;
  }
  return out;
}

class Functions {
public:
  explicit Functions(Net const& net) : net_(net) {}
  Text all() const {
    return Text(calls_text) + initialize() + reporting() + run() + Text(net_.train ? shuffle_text : "") + weights() +
           all_memory();
  }

private:
  // ---- The lists of a call ---------------------------------------------------------------------------------------

  static Text list(char const* type, char const* name, std::vector<Text> const& items) {
    Text text = "  " + Text(type) + name + "[" + std::to_string(std::max<size_t>(items.size(), 1)) + "];\n";
    for (size_t i = 0; i < items.size(); ++i)
      text += "  " + Text(name) + "[" + std::to_string(i) + "] = " + items[i] + ";\n";
    if (items.empty()) text += "  " + Text(name) + "[0] = 0;\n";
    return text;
  }

  Text kept(Role role, Text const& name) const {
    for (auto const& b : net_.blocks())
      if (b.role == role) return "(void *)" + Text(b.name) + "->" + b.members->find(name)->c;
    throw CompilerBug("a tensor that lasts is in no block");
  }

  Text argument(Function const& f, Argument const& a) const {
    auto const& name = f.values[a.value].name;
    if (a.role == Role::data)
      return f.name == "run" ? "(void *)inputs->" + net_.face.inputs.find(name)->c
                             : "(void *)data->" + net_.face.data.find(name)->c;
    return is_kept(a.role) ? kept(a.role, name) : "0";
  }

  Text result(Result const& r) const {
    if (is_kept(r.role)) return kept(r.role, r.name);
    return r.role == Role::output ? "(void *)outputs->" + net_.face.outputs.find(r.name)->c : "0";
  }

  Text scalar(Text const& name) const {
    if (name == "steps" || name == "epoch") return "(double)net->" + name;
    return "net->numbers." + net_.face.numbers.find(name)->c;
  }

  // The lists of a context, of a function whose blocks, data, inputs and outputs are variables.
  Text lists(Function const& f) const {
    std::vector<Text> arguments, results, scalars;
    for (auto const& a : f.arguments) {
      arguments.push_back(argument(f, a));
      if (a.role == Role::scalar) scalars.push_back(scalar(f.values[a.value].name));
    }
    for (auto const& r : f.results) results.push_back(result(r));
    return list("void *", "arguments", arguments) + list("void *", "results", results) +
           list("double ", "scalars", scalars) +
           "  context.arguments = arguments;\n  context.results = results;\n  context.scalars = scalars;\n";
  }

  static bool touches(Function const& f, Role role) {
    for (auto const& a : f.arguments)
      if (a.role == role) return true;
    for (auto const& r : f.results)
      if (r.role == role) return true;
    return false;
  }

  // A variable for each block that a function touches, of the net or, where nothing is trained, of the object.
  struct Locals {
    Text declared, checked;
  };
  Locals locals(Function const& f) const {
    Locals all;
    for (auto const& b : net_.blocks()) {
      if (!touches(f, b.role)) continue;
      bool const or_weights = b.weights && (f.name == "evaluate" || f.name == "run");
      Text const type = "@_" + Text(b.name), variable = b.name;
      all.declared +=
          "  const " + type + " *" + variable + " = net ? net->" + variable + " : (const " + type + " *)0;\n";
      all.checked += or_weights ? "  if (!" + variable + ") " + variable + " = &" + b.weights + ";\n"
                                : "  if (!" + variable + ") return @_missing;\n";
    }
    return all;
  }

  static Text missing(char const* of, CBlock const& block, Function const& f) {
    Text text;
    for (auto const& m : block.members) {
      bool used = f.result(m.name) && f.result(m.name)->role == Role::output;
      for (auto const& a : f.arguments) used = used || f.values[a.value].name == m.name;
      if (used) text += "  if (!" + Text(of) + "->" + m.c + ") return @_missing;\n";
    }
    return text;
  }

  // ---- The functions ---------------------------------------------------------------------------------------------

  static Text memory_function(Text const& word, Text const& function, Text const& batch) {
    return "/* The bytes of net->memory that @_" + word + " needs, or -1 for more than any memory has. */\n" +
           "static inline int64_t @_" + word + "_memory(" + (batch == "batch" ? "int64_t batch, " : "") +
           "int32_t threads) {\n  return @_memory_(@_arena_" + function + "(" + batch + ", threads), " + batch +
           ");\n}\n\n";
  }

  Text initialize() const {
    auto const* f = net_.module.function("initialize");
    if (!f) return "";
    auto const l = locals(*f);
    return memory_function("initialize", "initialize", "1") +
           "/* Parameters and all else that the net keeps, from net->seed. */\n"
           "static inline @_status @_initialize(@_net *net) {\n  nnc_report low;\n  nnc_context context;\n" +
           l.declared + "  @_status status = @_check_(net, @_arena_initialize, 1);\n  if (status) return status;\n" +
           l.checked + "  context = @_context_(net, 1, &low);\n" + lists(*f) +
           "  net->step = 0;\n  return @_call_(net, @_call_initialize, &context, 1, 1);\n}\n\n";
  }

  // Rows come in whole parts, where there are any (Function::parts).
  static Text batch_check(bool one_batch, i64 parts) {
    Text const all = parts > 1 ? (one_batch ? "@@_BATCH * " : "") + std::to_string(parts) : one_batch ? "@@_BATCH" : "";
    if (all.empty()) return "";
    return "  if (batch " + Text(one_batch ? "!= " : "% ") + all + " || count % (" + all + ")) return @_wrong_batch;\n";
  }

  Text reporting() const {
    Text text;
    for (auto const* f : net_.reporting) text += reporting(*f);
    return text;
  }

  Text reporting(Function const& f) const {
    bool const trains = f.name == "train_step";
    Text const word = net_.word_of(f), first = reports_of(f).members.front().c;
    auto const l = locals(f);
    Text const what = trains
                          ? Text("/* Updates the net by the examples rows[0 .. count), batch of them at a time and at "
                                 "last those that remain.\n") +
                                (f.parts > 1 ? "   Both are multiples of " + std::to_string(f.parts) +
                                                   ": so many parts are a step (accumulate).\n"
                                             : Text()) +
                                "   Rows in the order of @_shuffle(rows, count, net->seed, epoch) give the bits of a "
                                "training by nnc. */\n"
                          : "/* Losses and metrics of the examples rows[0 .. count), batch of them at a time. */\n";
    Text text = memory_function(word, f.name, "batch") + what + "static inline @_status @_" + word + "(" +
                (trains ? "" : "const ") + "@_net *net, const @_data *data, const int32_t *rows, int64_t count,\n" +
                "    int64_t batch, @_" + word + "_report *report) {\n  nnc_report low;\n  nnc_context context;\n" +
                "  int64_t i, first = " + (trains ? "net ? net->step + 1 : 1" : "1") + ";\n" + l.declared +
                "  @_status status = @_check_(net, @_arena_" + f.name + ", batch);\n  if (status) return status;\n" +
                "  if (!data || !rows || !report) return @_missing;\n" + l.checked +
                missing("data", net_.face.data, f) + "  if (count < 1 || data->examples < 1) return @_out_of_range;\n" +
                batch_check(net_.one_batch(), f.parts);
    if (trains && net_.face.reads_steps) text += "  if (net->steps < 1) return @_out_of_range;\n";
    if (trains && net_.face.reads_epoch) text += "  if (net->epoch < 1) return @_out_of_range;\n";
    text += "  for (i = 0; i < count; i++)\n    if (rows[i] < 0 || rows[i] >= data->examples) return @_out_of_range;\n"
            "  while (count > 0 && status == @_ok) {\n" +
            indented(pieces(f, first)) + "  }\n  return status;\n}\n\n";
    return text;
  }

  // As many whole batches as there are, or the rest, in one call.
  Text pieces(Function const& f, Text const& first) const {
    bool const trains = f.name == "train_step";
    return "  int64_t size = count < batch ? count : batch, steps = count / size;\n"
           "  context = @_context_(net, size, &low);\n" +
           lists(f) + "  context.examples = data->examples;\n  context.rows = rows;\n  context.stop_on_bad = " +
           (trains ? "1" : "0") + ";\n  low.sums = &report->sum." + first + ";\n  low.last = &report->last." + first +
           ";\n  status = @_call_(net, @_call_" + f.name +
           ", &context, first, steps);\n"
           "  if (low.first_bad_step && !report->first_bad_step) report->first_bad_step = low.first_bad_step;\n"
           "  report->steps += low.steps;\n  report->examples += low.examples;\n"
           "  report->clamped += low.clamped;\n  report->zero_divided += low.zero_divided;\n" +
           (trains ? "  net->step += low.steps;\n" : "") +
           "  first += steps;\n  rows += size * steps;\n  count -= size * steps;\n";
  }

  Text run() const {
    if (!net_.run) return "";
    auto const l = locals(*net_.run);
    bool const reads = !net_.face.inputs.empty();
    return memory_function("run", "run", "batch") +
           "/* The outputs of `batch` examples. */\nstatic inline @_status @_run(const @_net *net, " +
           (reads ? "const @_inputs *inputs, " : "") + "int64_t batch, const @_outputs *outputs) {\n" +
           "  nnc_report low;\n  nnc_context context;\n  int32_t *rows;\n  int64_t i;\n" + l.declared +
           "  @_status status = @_check_(net, @_arena_run, batch);\n  if (status) return status;\n" +
           (net_.one_batch() ? "  if (batch != @@_BATCH) return @_wrong_batch;\n" : "") +
           (reads ? "  if (!inputs) return @_missing;\n" : "") + "  if (!outputs) return @_missing;\n" + l.checked +
           missing("inputs", net_.face.inputs, *net_.run) + missing("outputs", net_.face.outputs, *net_.run) +
           "  context = @_context_(net, batch, &low);\n"
           "  rows = (int32_t *)((char *)context.arena + @_arena_run(batch, context.threads));\n"
           "  for (i = 0; i < batch; i++) rows[i] = (int32_t)i;\n  context.rows = rows;\n" +
           lists(*net_.run) + "  return @_call_(net, @_call_run, &context, 1, 1);\n}\n\n";
  }

  Text all_memory() const {
    Text text = "/* The bytes of net->memory that are enough for every function. */\n"
                "static inline int64_t @_memory(int64_t batch, int32_t threads) {\n  int64_t most = 0, one;\n";
    auto const add = [&](Text const& word, Text const& arguments) {
      text += "  one = @_" + word + "_memory(" + arguments +
              ");\n  if (one < 0) return -1;\n  if (one > most) most = one;\n";
    };
    if (net_.module.function("initialize")) add("initialize", "threads");
    for (auto const* f : net_.reporting) add(net_.word_of(*f), "batch, threads");
    if (net_.run) add("run", "batch, threads");
    return text + "  return most;\n}\n\n";
  }

  Text weights() const {
    if (!net_.options.has_weights) return "";
    Text text = "/* Copies the weights that the object holds into the net. */\nstatic inline @_status "
                "@_load_weights(@_net *net) {\n"
                "  if (!net || !net->parameters) return @_missing;\n";
    if (net_.options.has_states) text += "  if (!net->states) return @_missing;\n";
    text += "  if (@_interface() != @@_INTERFACE) return @_other_object;\n  *net->parameters = @_weights;\n";
    if (net_.options.has_states) text += "  *net->states = @_weight_states;\n";
    return text + "  return @_ok;\n}\n\n";
  }

  Net const& net_;
};

} // namespace

std::string functions_of(Net const& net) { return Functions(net).all(); }

} // namespace nnc
