#include "codegen/header/header.h"

#include "codegen/header/face.h"
#include "codegen/header/texts.h"
#include "ir/host.h"
#include "nnc/abi.h"

#include <charconv>
#include <tuple>

namespace nnc {
namespace {

using Text = std::string;

// '@' stands for the prefix, '@@' for the prefix in capital letters: neither is a character of C.
Text with_prefix(std::string_view text, Text const& prefix) {
  Text capitals = prefix, out;
  for (char& c : capitals)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '@') out += text[i];
    else if (i + 1 < text.size() && text[i + 1] == '@') out += capitals, ++i;
    else out += prefix;
  }
  return out;
}

// What a program says may end no comment.
Text harmless(Text text) {
  for (char& c : text)
    if (c == '*' || c == '\\' || c == '@' || static_cast<unsigned char>(c) < ' ') c = ' ';
  return text;
}

Text number_text(f64 x) {
  char buffer[64];
  Text text(buffer, std::to_chars(buffer, buffer + sizeof buffer, x).ptr);
  return text.find_first_of(".en") == Text::npos ? text + ".0" : text;
}

Text integer_text(i64 x) { return "INT64_C(" + std::to_string(x) + ")"; }

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

// ---- Types --------------------------------------------------------------------------------------------------------

// "float dense_weight[784][10]; /* f32[784,10] dense.weight */"
Text tensor_line(CMember const& m) {
  Text line = "  " + Text(c_type(m.type.dtype)) + " " + m.c;
  if (m.type.shape.empty()) line += "[1]";
  bool const none = *element_count(m.type.shape).constant() == 0;
  if (none) line += "[1]";
  else
    for (auto const& extent : m.type.shape) line += "[" + std::to_string(*extent.constant()) + "]";
  return line + "; /* " + m.type.text() + " " + harmless(m.name) + (none ? ", without an element" : "") + " */\n";
}

Text pointer_line(CMember const& m, char const* qualifier) {
  return "  " + Text(qualifier) + Text(c_type(m.type.dtype)) + " *" + m.c + "; /* " + m.type.text() + " " +
         harmless(m.name) + (m.type.dtype == DType::bool_ ? ": bytes, 0 or 1" : "") + " */\n";
}

template <class Line>
Text struct_text(CBlock const& block, char const* name, char const* comment, Line line, Text const& more = "") {
  if (block.empty() && more.empty()) return "";
  Text text = "/* " + Text(comment) + " */\ntypedef struct @_" + name + " {\n";
  for (auto const& m : block.members) text += line(m);
  return text + more + "} @_" + name + ";\n\n";
}

class Writer {
public:
  Writer(Module const& m, HeaderOptions const& options) : m_(m), options_(options), typed_(has_face(m)) {
    if (typed_) face_ = face_of(m);
    if (!typed_) return;
    if (m.training) train_ = m.function("train_step"); // without a train block it would train nothing
    for (auto const* f : {train_, m.function("evaluate")})
      if (f && !reports_of(*f).empty()) reporting_.push_back(f);
    run_ = !face_.outputs.empty() ? m.function("run") : nullptr;
  }

  Text body() const {
    Text text = entries();
    if (!typed_) return text + untyped_note();
    return text + Text(status_text) + constants() + types() + net() + Text(calls_text) + initialize() + reporting() +
           run() + Text(train_ ? shuffle_text : "") + weights() + all_memory();
  }

  // How it is used, in a few lines.
  Text usage() const {
    if (!typed_) return "   A caller fills an nnc_context and calls @_call_FUNCTION.\n";
    Text text = "\n";
    Text pointers;
    for (auto const& b : blocks()) {
      text += "     static @_" + Text(b.name) + " " + b.name + ";\n";
      pointers += "&" + Text(b.name) + ", ";
    }
    text += "     int64_t bytes = @_memory(batch, 1);                 the memory of a call; nothing else is allocated\n"
            "     @_net net = @_make(" +
            pointers + "malloc(bytes), bytes);\n";
    if (options_.has_weights) text += "     @_load_weights(&net);\n";
    else if (m_.function("initialize")) text += "     @_initialize(&net);\n";
    for (auto const* f : reporting_)
      text += f->name == "train_step"
                  ? "     @_shuffle(rows, count, net.seed, epoch);            once an epoch, from 1\n"
                    "     @_train(&net, &data, rows, count, batch, &report);\n"
                  : "     @_evaluate(&net, &data, rows, count, batch, &report);\n";
    if (run_) text += "     @_run(&net, " + Text(face_.inputs.empty() ? "" : "&inputs, ") + "batch, &outputs);\n";
    return text + "\n   Every call returns a @_status; nothing is written where that is not @_ok or @_not_finite. A "
                  "net has one\n"
                  "   caller at a time. Arrays are dense and row-major.\n";
  }

private:
  // ---- What the object has ---------------------------------------------------------------------------------------

  Text entries() const {
    Text text = "/* ---- What the object has: the functions below call it ---- */\n\n"
                "int64_t @_interface(void); /* @@_INTERFACE, or the header is of another object */\n"
                "int32_t @_supported(void); /* 1: this processor and its system can run the object's code; else 0 */\n";
    for (auto const& f : m_.functions) {
      if (f.name == "require" || !is_c_word("call_" + f.name)) continue; // as @update.dense.weight
      text += "int32_t @_call_" + f.name + "(nnc_context *, int32_t thread, int64_t first_step, int64_t steps);\n" +
              "int64_t @_arena_" + f.name + "(int64_t batch, int32_t threads);\n";
    }
    return text + "\n";
  }

  // A module that comes as text has arguments that no host knows; its caller fills a context.
  Text untyped_note() const {
    Text text;
    for (auto const& f : m_.functions) {
      if (f.name == "require") continue;
      text += "/* @_call_" + f.name + "\n";
      auto const list = [&](char const* word, size_t number, Text const& name, Type const& type, Role role) {
        text += "     " + Text(word) + "[" + std::to_string(number) + "]  " + harmless(name) + ": " + type.text() +
                (role == Role::none ? "" : " " + Text(nnc::name(role))) + "\n";
      };
      for (size_t i = 0; i < f.arguments.size(); ++i) {
        auto const& value = f.values[f.arguments[i].value];
        list("arguments", i, value.name, value.type, f.arguments[i].role);
      }
      for (size_t i = 0; i < f.results.size(); ++i)
        list("results", i, f.results[i].name, f.type(f.results[i].value), f.results[i].role);
      text += "*/\n";
    }
    return text;
  }

  // ---- Types -----------------------------------------------------------------------------------------------------

  bool one_batch() const { return m_.bindings[static_cast<size_t>(Symbol::batch)].has_value(); }

  Text constants() const {
    Text text;
    if (auto const bound = m_.bindings[static_cast<size_t>(Symbol::batch)])
      text += "#define @@_BATCH " + std::to_string(*bound) +
              " /* the only size: " + harmless(options_.one_batch_words) + " */\n";
    else if (m_.training)
      text += "#define @@_BATCH " + std::to_string(m_.training->batch) + " /* examples per update */\n";
    if (!m_.training || !train_) return text.empty() ? text : text + "\n";
    auto const& t = *m_.training;
    text += "#define @@_EPOCHS " + std::to_string(t.epochs) + "\n";
    if (t.steps)
      text += "#define @@_STEPS " + std::to_string(t.steps) + " /* updates in total, whatever the epochs */\n";
    text += "#define @@_SEED " + integer_text(t.seed) + "\n";
    if (t.validation)
      text +=
          "#define @@_VALIDATION " + std::to_string(t.validation) + " /* rows at the end that are not trained on */\n";
    if (t.drop_last)
      text += "/* The rest of an epoch that is no whole batch is left out: give @_train a multiple. */\n";
    return text + "\n";
  }

  Text types() const {
    auto const columns = [](CMember const& m) { return pointer_line(m, "const "); };
    auto const numbers = [&](CMember const& m) {
      return "  double " + m.c + "; /* " + harmless(m.name) + ", " + number_text(value_of(m.name)) +
             " in the program */\n";
    };
    Text text;
    text += struct_text(face_.parameters, "parameters", "What is trained: dense, row-major.", tensor_line);
    text += struct_text(face_.states, "states", "What is kept from step to step and is not trained.", tensor_line);
    text +=
        struct_text(face_.optimizer, "optimizer", "What the optimizer keeps; needed for training alone.", tensor_line);
    text += struct_text(face_.numbers, "numbers", "Numbers that only tune.", numbers);
    if (!reporting_.empty())
      text += struct_text(face_.data, "data", "Columns of a data set, as long as each other; they are read in place.",
                          columns, "  int64_t examples; /* in each column */\n");
    if (run_) {
      text += struct_text(face_.inputs, "inputs", "One batch of examples.", columns);
      text += struct_text(face_.outputs, "outputs", "Where the outputs of a batch go.",
                          [](CMember const& m) { return pointer_line(m, ""); });
    }
    for (auto const* f : reporting_) text += report_types(*f);
    return text;
  }

  static Text word_of(Function const& f) { return f.name == "train_step" ? "train" : f.name; }

  static Text report_types(Function const& f) {
    Text const word = word_of(f);
    Text text = "typedef struct @_" + word + "_values {\n";
    for (auto const& m : reports_of(f).members) text += "  double " + m.c + ";\n";
    text += "} @_" + word + "_values;\n\n";
    text += "/* Begins with @_" + word + "_zero(); calls add to it. The mean of a value is sum.VALUE / examples. */\n";
    text += "typedef struct @_" + word + "_report {\n  @_" + word + "_values sum;  /* of value * batch */\n  @_" +
            word +
            "_values last; /* of the last batch */\n"
            "  int64_t steps, examples;\n"
            "  int64_t first_bad_step; /* whose loss is not finite; 0: none */\n"
            "  int64_t clamped;        /* indices out of range, for which the nearest was taken */\n"
            "  int64_t zero_divided;   /* integer divisions by zero, which gave 0 */\n"
            "} @_" +
            word + "_report;\n\n";
    text += "static inline @_" + word + "_report @_" + word + "_zero(void) {\n  @_" + word + "_report report;\n";
    for (auto const& m : reports_of(f).members) text += "  report.sum." + m.c + " = report.last." + m.c + " = 0;\n";
    text += "  report.steps = report.examples = report.first_bad_step = report.clamped = report.zero_divided = 0;\n"
            "  return report;\n}\n\n";
    return text;
  }

  f64 value_of(Text const& name) const {
    if (m_.training)
      for (auto const& s : m_.training->scalars)
        if (s.name == name) return s.value;
    return 0;
  }

  // ---- The net ---------------------------------------------------------------------------------------------------

  // The blocks that the program has, in their order.
  struct Block {
    char const* name;
    CBlock const* block;
  };
  std::vector<Block> blocks() const {
    std::vector<Block> all;
    if (!face_.parameters.empty()) all.push_back({"parameters", &face_.parameters});
    if (!face_.states.empty()) all.push_back({"states", &face_.states});
    if (!face_.optimizer.empty()) all.push_back({"optimizer", &face_.optimizer});
    return all;
  }
  bool has_weights(char const* block) const {
    return (options_.has_weights && Text(block) == "parameters") || (options_.has_states && Text(block) == "states");
  }
  static Text weights_name(char const* block) { return Text(block) == "parameters" ? "@_weights" : "@_weight_states"; }

  Text net() const {
    Text text;
    if (options_.has_weights)
      text += "/* The weights that the object was made with. */\nextern const @_parameters @_weights;\n";
    if (options_.has_states) text += "extern const @_states @_weight_states;\n";
    if (options_.has_weights) text += "\n";
    text += "/* One net: what it keeps belongs to the caller. @_make makes it. */\ntypedef struct @_net {\n";
    for (auto const& b : blocks()) text += "  @_" + Text(b.name) + " *" + b.name + ";" + null_words(b.name) + "\n";
    if (!face_.numbers.empty()) text += "  @_numbers numbers;\n";
    text += "  int64_t seed; /* of initial values, dropout and the order of rows */\n"
            "  int64_t step; /* updates so far */\n";
    if (face_.reads_steps) text += "  int64_t steps; /* of the whole training, 1 or more: a schedule goes by it */\n";
    if (face_.reads_epoch) text += "  int64_t epoch; /* from 1: something goes by it */\n";
    text += "  void *memory; /* for what a call computes; free for other use between calls */\n"
            "  int64_t memory_bytes;\n"
            "  nnc_team *team; /* null: one thread; no bit of a result depends on it */\n"
            "} @_net;\n\n";
    return text + make();
  }

  Text null_words(char const* block) const {
    if (has_weights(block)) return " /* null: " + weights_name(block) + ", but not for training */";
    if (Text(block) == "optimizer") return " /* null where nothing is trained */";
    return "";
  }

  Text make() const {
    Text text = "/* A net with the numbers and the seed of the program. */\nstatic inline @_net @_make(";
    for (auto const& b : blocks()) text += "@_" + Text(b.name) + " *" + b.name + ", ";
    text += "void *memory, int64_t memory_bytes) {\n  @_net net;\n";
    for (auto const& b : blocks()) text += "  net." + Text(b.name) + " = " + b.name + ";\n";
    for (auto const& n : face_.numbers.members)
      text += "  net.numbers." + n.c + " = " + number_text(value_of(n.name)) + ";\n";
    text += "  net.seed = " + integer_text(m_.training ? m_.training->seed : 0) + ";\n  net.step = 0;\n";
    if (face_.reads_steps) text += "  net.steps = " + integer_text(m_.training ? m_.training->steps : 0) + ";\n";
    if (face_.reads_epoch) text += "  net.epoch = 1;\n";
    return text + "  net.memory = memory;\n  net.memory_bytes = memory_bytes;\n  net.team = (nnc_team *)0;\n  return "
                  "net;\n}\n\n";
  }

  // ---- The lists of a call ---------------------------------------------------------------------------------------

  static Text list(char const* type, char const* name, std::vector<Text> const& items) {
    Text text = "  " + Text(type) + name + "[" + std::to_string(std::max<size_t>(items.size(), 1)) + "];\n";
    for (size_t i = 0; i < items.size(); ++i)
      text += "  " + Text(name) + "[" + std::to_string(i) + "] = " + items[i] + ";\n";
    if (items.empty()) text += "  " + Text(name) + "[0] = 0;\n";
    return text;
  }

  Text kept(Role role, Text const& name) const {
    auto const& block = role == Role::param ? face_.parameters : role == Role::state ? face_.states : face_.optimizer;
    Text const word = role == Role::param ? "parameters" : role == Role::state ? "states" : "optimizer";
    return "(void *)" + word + "->" + block.find(name)->c;
  }

  Text argument(Function const& f, Argument const& a) const {
    auto const& name = f.values[a.value].name;
    if (a.role == Role::data)
      return f.name == "run" ? "(void *)inputs->" + face_.inputs.find(name)->c
                             : "(void *)data->" + face_.data.find(name)->c;
    return is_kept(a.role) ? kept(a.role, name) : "0";
  }

  Text result(Result const& r) const {
    if (is_kept(r.role)) return kept(r.role, r.name);
    return r.role == Role::output ? "(void *)outputs->" + face_.outputs.find(r.name)->c : "0";
  }

  Text scalar(Text const& name) const {
    if (name == "steps" || name == "epoch") return "(double)net->" + name;
    return "net->numbers." + face_.numbers.find(name)->c;
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

  bool touches(Function const& f, Role role) const {
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
    for (auto const& [name, block, role] :
         {std::tuple("parameters", &face_.parameters, Role::param), std::tuple("states", &face_.states, Role::state),
          std::tuple("optimizer", &face_.optimizer, Role::optimizer)}) {
      if (!touches(f, role)) continue;
      bool const or_weights = has_weights(name) && (f.name == "evaluate" || f.name == "run");
      Text const type = "@_" + Text(name), variable = name;
      all.declared +=
          "  const " + type + " *" + variable + " = net ? net->" + variable + " : (const " + type + " *)0;\n";
      all.checked += or_weights ? "  if (!" + variable + ") " + variable + " = &" + weights_name(name) + ";\n"
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

  Text memory_function(Text const& word, Text const& function, Text const& batch) const {
    return "/* The bytes of net->memory that @_" + word + " needs, or -1 for more than any memory has. */\n" +
           "static inline int64_t @_" + word + "_memory(" + (batch == "batch" ? "int64_t batch, " : "") +
           "int32_t threads) {\n  return @_memory_(@_arena_" + function + "(" + batch + ", threads), " + batch +
           ");\n}\n\n";
  }

  Text initialize() const {
    auto const* f = m_.function("initialize");
    if (!f) return "";
    auto const l = locals(*f);
    return memory_function("initialize", "initialize", "1") +
           "/* Parameters and all else that the net keeps, from net->seed. */\n"
           "static inline @_status @_initialize(@_net *net) {\n  nnc_report low;\n  nnc_context context;\n" +
           l.declared + "  @_status status = @_check_(net, @_arena_initialize, 1);\n  if (status) return status;\n" +
           l.checked + "  context = @_context_(net, 1, &low);\n" + lists(*f) +
           "  net->step = 0;\n  return @_call_(net, @_call_initialize, &context, 1, 1);\n}\n\n";
  }

  Text batch_check() const {
    return one_batch() ? "  if (batch != @@_BATCH || count % @@_BATCH) return @_wrong_batch;\n" : "";
  }

  Text reporting() const {
    Text text;
    for (auto const* f : reporting_) text += reporting(*f);
    return text;
  }

  Text reporting(Function const& f) const {
    bool const trains = f.name == "train_step";
    Text const word = word_of(f), first = reports_of(f).members.front().c;
    auto const l = locals(f);
    Text const what = trains ? "/* Updates the net by the examples rows[0 .. count), batch of them at a time and at "
                               "last those that remain.\n"
                               "   Rows in the order of @_shuffle(rows, count, net->seed, epoch) give the bits of a "
                               "training by nnc. */\n"
                             : "/* Losses and metrics of the examples rows[0 .. count), batch of them at a time. */\n";
    Text text = memory_function(word, f.name, "batch") + what + "static inline @_status @_" + word + "(" +
                (trains ? "" : "const ") + "@_net *net, const @_data *data, const int32_t *rows, int64_t count,\n" +
                "    int64_t batch, @_" + word + "_report *report) {\n  nnc_report low;\n  nnc_context context;\n" +
                "  int64_t i, first = " + (trains ? "net ? net->step + 1 : 1" : "1") + ";\n" + l.declared +
                "  @_status status = @_check_(net, @_arena_" + f.name + ", batch);\n  if (status) return status;\n" +
                "  if (!data || !rows || !report) return @_missing;\n" + l.checked + missing("data", face_.data, f) +
                "  if (count < 1 || data->examples < 1) return @_out_of_range;\n" + batch_check();
    if (trains && face_.reads_steps) text += "  if (net->steps < 1) return @_out_of_range;\n";
    if (trains && face_.reads_epoch) text += "  if (net->epoch < 1) return @_out_of_range;\n";
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
    if (!run_) return "";
    auto const l = locals(*run_);
    bool const reads = !face_.inputs.empty();
    return memory_function("run", "run", "batch") +
           "/* The outputs of `batch` examples. */\nstatic inline @_status @_run(const @_net *net, " +
           (reads ? "const @_inputs *inputs, " : "") + "int64_t batch, const @_outputs *outputs) {\n" +
           "  nnc_report low;\n  nnc_context context;\n  int32_t *rows;\n  int64_t i;\n" + l.declared +
           "  @_status status = @_check_(net, @_arena_run, batch);\n  if (status) return status;\n" +
           (one_batch() ? "  if (batch != @@_BATCH) return @_wrong_batch;\n" : "") +
           (reads ? "  if (!inputs) return @_missing;\n" : "") + "  if (!outputs) return @_missing;\n" + l.checked +
           missing("inputs", face_.inputs, *run_) + missing("outputs", face_.outputs, *run_) +
           "  context = @_context_(net, batch, &low);\n"
           "  rows = (int32_t *)((char *)context.arena + @_arena_run(batch, context.threads));\n"
           "  for (i = 0; i < batch; i++) rows[i] = (int32_t)i;\n  context.rows = rows;\n" +
           lists(*run_) + "  return @_call_(net, @_call_run, &context, 1, 1);\n}\n\n";
  }

  Text all_memory() const {
    Text text = "/* The bytes of net->memory that are enough for every function. */\n"
                "static inline int64_t @_memory(int64_t batch, int32_t threads) {\n  int64_t most = 0, one;\n";
    auto const add = [&](Text const& word, Text const& arguments) {
      text += "  one = @_" + word + "_memory(" + arguments +
              ");\n  if (one < 0) return -1;\n  if (one > most) most = one;\n";
    };
    if (m_.function("initialize")) add("initialize", "threads");
    for (auto const* f : reporting_) add(word_of(*f), "batch, threads");
    if (run_) add("run", "batch, threads");
    return text + "  return most;\n}\n\n";
  }

  Text weights() const {
    if (!options_.has_weights) return "";
    Text text = "/* Copies the weights that the object holds into the net. */\nstatic inline @_status "
                "@_load_weights(@_net *net) {\n"
                "  if (!net || !net->parameters) return @_missing;\n";
    if (options_.has_states) text += "  if (!net->states) return @_missing;\n";
    text += "  if (@_interface() != @@_INTERFACE) return @_other_object;\n  *net->parameters = @_weights;\n";
    if (options_.has_states) text += "  *net->states = @_weight_states;\n";
    return text + "  return @_ok;\n}\n\n";
  }

  Module const& m_;
  HeaderOptions const& options_;
  bool typed_;
  CFace face_;
  std::vector<Function const*> reporting_;
  Function const *run_ = nullptr, *train_ = nullptr;
};

} // namespace

Header header_of(Module const& m, HeaderOptions const& options) {
  Writer const writer(m, options);
  Text const body = with_prefix(writer.body(), options.prefix);
  u64 hash = 0xCBF29CE484222325; // FNV-1a
  for (char c : body) hash = (hash ^ static_cast<u8>(c)) * 0x100000001B3;
  Header header;
  header.interface_number = hash >> 1; // a positive number of 64 bits
  Text const number = integer_text(static_cast<i64>(header.interface_number));
  Text const version = std::to_string(NNC_ABI_VERSION);
  header.text =
      with_prefix("/* @.h: " + harmless(options.title) + "\n" + writer.usage() +
                      "*/\n#ifndef @@_NNC_H\n#define @@_NNC_H\n\n#include <stddef.h>\n#include <stdint.h>\n\n",
                  options.prefix) +
      Text(abi_text()) +
      with_prefix("\n#if NNC_ABI_VERSION != " + version +
                      "\n#error \"headers of several versions of nnc: make their objects anew with one\"\n#endif\n\n"
                      "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n#define @@_INTERFACE " +
                      number + "\n\n",
                  options.prefix) +
      body + with_prefix("#ifdef __cplusplus\n}\n#endif\n\n#endif /* @@_NNC_H */\n", options.prefix);
  return header;
}

} // namespace nnc
