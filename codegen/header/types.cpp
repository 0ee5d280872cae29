// The types of a header: what a program passes, and the net that it keeps.
#include "codegen/header/net.h"

#include <charconv>
#include <cmath>

namespace nnc {
namespace {

using Text = std::string;

Text number_text(f64 x) {
  char buffer[64];
  Text text(buffer, std::to_chars(buffer, buffer + sizeof buffer, x).ptr);
  return text.find_first_of(".en") == Text::npos ? text + ".0" : text;
}

// C has no word for what is not finite but in its headers.
Text number_in_c(f64 x) {
  Text const infinite = "1e300 * 1e300";
  if (std::isnan(x)) return infinite + " - " + infinite;
  if (std::isinf(x)) return (x < 0 ? "-" : "") + infinite;
  return number_text(x);
}

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

class Types {
public:
  explicit Types(Net const& net) : net_(net) {}
  Text all() const { return constants() + types() + net(); }

private:
  Text constants() const {
    Text text;
    if (auto const bound = net_.module.bindings[static_cast<size_t>(Symbol::batch)])
      text += "#define @@_BATCH " + std::to_string(*bound) +
              " /* the only size: " + harmless(net_.options.one_batch_words) + " */\n";
    else if (net_.module.training)
      text += "#define @@_BATCH " + std::to_string(net_.module.training->rows()) + " /* examples per update */\n";
    if (!net_.train) return text.empty() ? text : text + "\n";
    auto const& t = *net_.module.training;
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
      return "  double " + m.c + "; /* " + harmless(m.name) + ", " + number_text(net_.value_of(m.name)) +
             " in the program */\n";
    };
    Text text;
    text += struct_text(net_.face.parameters, "parameters", "What is trained: dense, row-major.", tensor_line);
    text += struct_text(net_.face.states, "states", "What is kept from step to step and is not trained.", tensor_line);
    text += struct_text(net_.face.optimizer, "optimizer", "What the optimizer keeps; needed for training alone.",
                        tensor_line);
    text += struct_text(net_.face.numbers, "numbers", "Numbers that only tune.", numbers);
    if (!net_.reporting.empty())
      text +=
          struct_text(net_.face.data, "data", "Columns of a data set, as long as each other; they are read in place.",
                      columns, "  int64_t examples; /* in each column */\n");
    if (net_.run) {
      text += struct_text(net_.face.inputs, "inputs", "One batch of examples.", columns);
      text += struct_text(net_.face.outputs, "outputs", "Where the outputs of a batch go.",
                          [](CMember const& m) { return pointer_line(m, ""); });
    }
    for (auto const* f : net_.reporting) text += report_types(*f);
    return text;
  }

  Text report_types(Function const& f) const {
    Text const word = net_.word_of(f);
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

  Text net() const {
    Text text;
    if (net_.options.has_weights)
      text += "/* The weights that the object was made with. */\nextern const @_parameters @_weights;\n";
    if (net_.options.has_states) text += "extern const @_states @_weight_states;\n";
    if (net_.options.has_weights) text += "\n";
    text += "/* One net: what it keeps belongs to the caller. @_make makes it. */\ntypedef struct @_net {\n";
    for (auto const& b : net_.blocks()) text += "  @_" + Text(b.name) + " *" + b.name + ";" + null_words(b) + "\n";
    if (!net_.face.numbers.empty()) text += "  @_numbers numbers;\n";
    text += "  int64_t seed; /* of initial values, dropout and the order of rows */\n"
            "  int64_t step; /* updates so far */\n";
    if (net_.face.reads_steps)
      text += "  int64_t steps; /* of the whole training, 1 or more: a schedule goes by it */\n";
    if (net_.face.reads_epoch) text += "  int64_t epoch; /* from 1: something goes by it */\n";
    text += "  void *memory; /* for what a call computes; free for other use between calls */\n"
            "  int64_t memory_bytes;\n"
            "  nnc_team *team; /* null: one thread; no bit of a result depends on it */\n"
            "} @_net;\n\n";
    return text + make();
  }

  static Text null_words(Net::Block const& block) {
    if (block.weights) return " /* null: " + Text(block.weights) + ", but not for training */";
    return block.role == Role::optimizer ? " /* null where nothing is trained */" : "";
  }

  Text make() const {
    Text text = "/* A net with the numbers and the seed of the program. */\nstatic inline @_net @_make(";
    for (auto const& b : net_.blocks()) text += "@_" + Text(b.name) + " *" + b.name + ", ";
    text += "void *memory, int64_t memory_bytes) {\n  @_net net;\n";
    for (auto const& b : net_.blocks()) text += "  net." + Text(b.name) + " = " + b.name + ";\n";
    for (auto const& n : net_.face.numbers.members)
      text += "  net.numbers." + n.c + " = " + number_in_c(net_.value_of(n.name)) + ";\n";
    text +=
        "  net.seed = " + integer_text(net_.module.training ? net_.module.training->seed : 0) + ";\n  net.step = 0;\n";
    if (net_.face.reads_steps)
      text += "  net.steps = " + integer_text(net_.module.training ? net_.module.training->steps : 0) + ";\n";
    if (net_.face.reads_epoch) text += "  net.epoch = 1;\n";
    return text + "  net.memory = memory;\n  net.memory_bytes = memory_bytes;\n  net.team = (nnc_team *)0;\n  return "
                  "net;\n}\n\n";
  }

  Net const& net_;
};

} // namespace

std::string types_of(Net const& net) { return Types(net).all(); }

} // namespace nnc
