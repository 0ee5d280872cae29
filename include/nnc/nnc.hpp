// The public API of nnc for C++17: compile a network that is written as text, train it, run it, read and write its
// weights. (nnc.h beside it is the same for C.)
//
//   auto program = nnc::Program::from_text(text);                        // text -> a program; immutable, may be shared
//   nnc::Session session(program);                                       // parameters, memory, threads
//   session.train(nnc::Data::from_columns({nnc::column("image", pixels, {28, 28}), nnc::column("label", labels)}));
//   session.step({{"image", pixels}, {"label", labels}}, 32);            // one update on the caller's own buffers
//   auto outputs = session.run({{"image", pixels}}, 32);                 // outputs[0].as<float>(): f32[32,10]
//   session.save("weights.safetensors");
//
// Every tensor is dense and row-major; its first extent may be `batch`. Types are written as in the language:
// "f32[batch,10]". Indices and counts are 64 bits, seconds are seconds.
//
// Whatever goes wrong is thrown as nnc::Failure. The library prints nothing, handles no signal and ends no process.
//
// Threads. A Program and a Data may be used by many threads at once. A Session has one caller at a time, from whichever
// thread; the caller is a member of the session's team of threads while a call lasts. Session::cancel alone may come
// from any thread at any time, from a signal handler too, and several threads may call Session::sharing_weights at once
// while no other call runs. Callbacks run on the thread of the caller, or on one of the library that the caller waits
// for; they may call everything of their session but what trains it or replaces its weights. NextBatch
// may call less, see there.
// Fork. A child may use sessions and programs that no other thread was using when it was forked: a session makes its
// threads anew there.
// Exit. Sessions may be static: their destructors end their threads. No call may run when static objects are destroyed.
// dlclose is safe when no object of the library is left.
//
// Results do not depend on the state of the host: its rounding mode, exception traps and locale are not used, and are
// what they were after every call (callbacks run in the default floating-point environment). A call from a thread whose
// stack is too small, 6 MiB for compiling and 256 KiB for the rest, runs on a thread of the library,
// callbacks included, while the caller waits.
#pragma once

#include "nnc/code.hpp"
#include "nnc/version.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#define NNC_API __attribute__((visibility("default")))

namespace nnc {

// What stands behind the classes below; the library alone sees it.
class CompiledProgram;
struct SessionState;
struct DataContents;
class BoundCall;
struct Inside;

inline namespace v1 {

// "0.2.0", of the library that runs; NNC_VERSION is that of the header.
NNC_API char const* version() noexcept;

// The library that runs and the machine it is on, as `nnc --version` says it.
struct Build {
  std::string version; // "0.2.0"
  std::string llvm;    // "19.1.7"
  std::string target;  // of code for this machine, a triple
  std::string cpu;     // as LLVM names it
};
NNC_API Build build();

// Elements in a row that belong to somebody else; any contiguous range becomes one, and a std::span can be made of it.
template <class T>
class View {
public:
  constexpr View() = default;
  constexpr View(T* data, std::size_t size) : data_(data), size_(size) {}
  template <class Range, class = std::enable_if_t<std::is_convertible_v<
                             std::remove_pointer_t<decltype(std::declval<Range&>().data())> (*)[], T (*)[]>>>
  constexpr View(Range&& range) : data_(range.data()), size_(range.size()) {}
  constexpr T* data() const { return data_; }
  constexpr std::size_t size() const { return size_; }
  constexpr std::size_t size_bytes() const { return size_ * sizeof(T); }
  constexpr bool empty() const { return size_ == 0; }
  constexpr T* begin() const { return data_; }
  constexpr T* end() const { return data_ + size_; }
  constexpr T& operator[](std::size_t i) const { return data_[i]; }
  constexpr T& front() const { return data_[0]; }
  constexpr T& back() const { return data_[size_ - 1]; }

private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

// Something that can be called, or nothing: a lambda, a function, a std::function. Copies share it. (As std::function,
// whose header costs more than all of this one.)
template <class Signature>
class Callback;
template <class Result, class... Arguments>
class Callback<Result(Arguments...)> {
public:
  using result_type = Result;
  Callback() = default;
  Callback(std::nullptr_t) {}
  template <class F, class = std::enable_if_t<!std::is_same_v<std::decay_t<F>, Callback> &&
                                              std::is_invocable_r_v<Result, F&, Arguments...>>>
  Callback(F target) {
    if constexpr (std::is_pointer_v<F> || (std::is_constructible_v<bool, F> && !std::is_convertible_v<F, bool>))
      if (!target) return; // a null pointer, an empty std::function
    target_ = std::make_shared<F>(std::move(target));
    call_ = [](void* called, Arguments... arguments) -> Result {
      auto& function = *static_cast<F*>(called);
      if constexpr (std::is_void_v<Result>) function(std::forward<Arguments>(arguments)...); // whatever it returns
      else return function(std::forward<Arguments>(arguments)...);
    };
  }
  explicit operator bool() const { return call_ != nullptr; }
  Result operator()(Arguments... arguments) const {
    return call_(target_.get(), std::forward<Arguments>(arguments)...);
  }

private:
  std::shared_ptr<void> target_;
  Result (*call_)(void*, Arguments...) = nullptr;
};

// ---- What can go wrong --------------------------------------------------------------------------------------------

// A place in a source text; lines and columns count from 1, columns in bytes. `line` is 0 when there is no place.
struct Position {
  std::string file;
  std::int64_t line = 0, column = 0;
};

// One mistake, or a warning: where it is, what it is, how it came about, what would fit (empty when nobody knows), and
// all of it as a text for a person, with the source line and a caret. It does not end in a newline.
struct Problem {
  Position at;
  std::string message;
  std::vector<std::pair<Position, std::string>> notes;
  std::string help;
  std::string text;
};

NNC_API char const* name(Code) noexcept; // "syntax"

// what() is the whole text for a person: places, source lines with carets, notes, help. It does not end in a newline.
class NNC_API Failure : public std::runtime_error {
public:
  Failure(Code code, std::string text, std::vector<Problem> problems = {}, std::string reproducer = {});
  Code code;                     // of the first problem
  std::vector<Problem> problems; // never empty, but for a bug
  // Of a bug: the program as IR when there was one, and what the command needs to show the bug with it.
  std::string reproducer, switches;
};

// A text of somebody else (a path, a name) as a message may show it: control characters and bytes that are no UTF-8 are
// spelled out as \x1b, characters that change the direction of writing as \u{202e}.
NNC_API std::string printable(std::string const& text);

// The one of `known` that `word` was probably meant to be, or nothing: the names of a message "did you mean ...?".
NNC_API std::string suggestion(std::string const& word, std::vector<std::string> const& known);

// ---- Documentation ------------------------------------------------------------------------------------------------

// A word of the language: a function of the library, a builtin, an optimizer, a setting of a train block, a statement.
// The kind "elsewhere" is of words that Python, NumPy, PyTorch, Keras, JAX and C have: their text says what stands for
// them here, and they have no form.
struct Word {
  std::vector<std::string> names; // what one looks it up by: {"dense"}, {"if", "else"}
  std::string kind;               // "layers", "optimizers", "settings", "statements"
  std::string form;               // "dense(x: float[.., n], units, use_bias = true, initial = glorot_uniform)"
  std::string text;
  std::string example; // a fragment of a program
};

// All of them: those of the language itself, those of the library by kind, those from elsewhere.
NNC_API std::vector<Word> words();

// ---- Buffers ------------------------------------------------------------------------------------------------------

// Numbers of 16 bits, for hosts whose C++ has none: the bits of IEEE binary16, and the upper half of a float.
struct f16 {
  std::uint16_t bits = 0;
};
struct bf16 {
  std::uint16_t bits = 0;
};

// "f32" for float, and so on: f64 f32 f16 bf16 i64 i32 i8 u8 bool.
template <class T>
constexpr char const* dtype_of() {
  if constexpr (std::is_same_v<T, double>) return "f64";
  else if constexpr (std::is_same_v<T, float>) return "f32";
  else if constexpr (std::is_same_v<T, f16>) return "f16";
  else if constexpr (std::is_same_v<T, bf16>) return "bf16";
  else if constexpr (std::is_same_v<T, std::int64_t>) return "i64";
  else if constexpr (std::is_same_v<T, std::int32_t>) return "i32";
  else if constexpr (std::is_same_v<T, std::int8_t>) return "i8";
  else if constexpr (std::is_same_v<T, std::uint8_t>) return "u8";
  else {
    static_assert(std::is_same_v<T, bool>, "no dtype of nnc has this type");
    return "bool";
  }
}

// Elements of the caller, which nnc reads during the call and does not keep. Any contiguous range will do:
// {"image", pixels} with a std::vector<std::uint8_t>, an array or a span.
struct Input {
  template <class Range>
  Input(std::string name, Range const& range)
      : name(std::move(name)), dtype(dtype_of<std::remove_cv_t<std::remove_pointer_t<decltype(std::data(range))>>>()),
        data(std::data(range)), bytes(std::size(range) * sizeof(*std::data(range))) {}
  Input(std::string name, std::string dtype, void const* data, std::size_t bytes)
      : name(std::move(name)), dtype(std::move(dtype)), data(data), bytes(bytes) {}
  std::string name;
  std::string dtype; // "f32"
  void const* data;  // row-major, aligned for its elements; bool: one byte each, 0 or 1
  std::size_t bytes; // of all elements
};

// Memory of the caller, into which nnc writes the elements of an output.
struct Output {
  template <class Range>
  Output(std::string name, Range& range)
      : name(std::move(name)), dtype(dtype_of<std::remove_pointer_t<decltype(std::data(range))>>()),
        data(std::data(range)), bytes(std::size(range) * sizeof(*std::data(range))) {}
  Output(std::string name, std::string dtype, void* data, std::size_t bytes)
      : name(std::move(name)), dtype(std::move(dtype)), data(data), bytes(bytes) {}
  std::string name;
  std::string dtype;
  void* data;        // row-major, aligned for its elements
  std::size_t bytes; // of all elements
};

// Memory of a session that holds a parameter or a state; valid as long as the session (or one that shares its weights),
// current while no call runs.
struct ParameterView {
  std::string dtype;
  std::vector<std::int64_t> shape;
  void* data;
  std::size_t bytes;
  // The elements; throws Failure when T is not the dtype.
  template <class T>
  View<T> as() const {
    if (dtype != dtype_of<T>()) wrong_dtype(dtype_of<T>());
    return {static_cast<T*>(data), bytes / sizeof(T)};
  }

private:
  [[noreturn]] NNC_API void wrong_dtype(char const* asked) const;
};

// A tensor that belongs to the caller.
struct Array {
  std::string name;
  std::string dtype;               // "f32"
  std::vector<std::int64_t> shape; // empty: one number
  std::vector<std::byte> bytes;    // of the elements, row-major
  // Of an output over the classes or the vocabulary of the data: the column that they are of; else empty. The integers
  // of such an output are classes or tokens, Session::texts_of says them; floats belong along the last axis to
  // Session::names_of this column.
  std::string column = {};
  // The elements; throws Failure when T is not the dtype.
  template <class T>
  View<T const> as() const {
    if (dtype != dtype_of<T>()) wrong_dtype(dtype_of<T>());
    return {reinterpret_cast<T const*>(bytes.data()), bytes.size() / sizeof(T)};
  }

private:
  [[noreturn]] NNC_API void wrong_dtype(char const* asked) const;
};

// A number with a name: a loss, a metric, a scalar.
struct Number {
  std::string name;
  double value = 0;
};

// ---- Data sets ----------------------------------------------------------------------------------------------------

// Of a data set. `train` is the training split without its validation rows, `all` the training split with them.
enum class Part { train, validation, all, test };

// An array of the caller: one row for each example. Nothing is copied. The memory must live, and stay as it is while a
// call runs, until the last copy of the Data and of the Options that hold it is gone; `owner`, where there is one, is
// kept so long.
struct Column {
  std::string name;                // "image"
  std::string dtype;               // "u8"
  std::vector<std::int64_t> shape; // {60000, 28, 28}: examples first
  void const* data = nullptr;      // row-major, aligned for its elements; bool: one byte each, 0 or 1
  std::shared_ptr<void const> owner = {};
};

// The column of a contiguous range: column("image", pixels, {28, 28}) of a std::vector<std::uint8_t>.
template <class Range>
Column column(std::string name, Range const& range, std::vector<std::int64_t> const& shape_of_one = {},
              std::shared_ptr<void const> owner = {}) {
  std::int64_t size = 1;
  for (auto const extent : shape_of_one) size *= extent;
  std::vector<std::int64_t> shape{size > 0 ? static_cast<std::int64_t>(std::size(range)) / size : 0};
  shape.insert(shape.end(), shape_of_one.begin(), shape_of_one.end());
  if (size <= 0 || shape[0] * size != static_cast<std::int64_t>(std::size(range))) shape[0] = -1; // refused by Data
  return {std::move(name), dtype_of<std::remove_cv_t<std::remove_pointer_t<decltype(std::data(range))>>>(),
          std::move(shape), std::data(range), std::move(owner)};
}

// A column of a stream: what one example of it is.
struct Field {
  std::string name;
  std::string dtype;
  std::vector<std::int64_t> shape; // of one example: {28, 28}; empty: one number
};

// Memory of the library, which a stream fills: `rows` examples of a field, row-major.
struct Buffer {
  void* data = nullptr;
  std::int64_t rows = 0;
  std::size_t bytes = 0; // of all rows
  template <class T>
  View<T> as() const {
    return {static_cast<T*>(data), bytes / sizeof(T)};
  }
};

// Fills the buffers, one for each field, with the examples of a batch, and says how many they are: Buffer::rows, or
// fewer in the last batch of an epoch; 0: the epoch has ended. Epochs count from 1 (0: an evaluation), batches of an
// epoch from 0. Called in order; what comes is not shuffled. An exception ends the training as cleanly as a callback's.
// On a thread of its own it runs beside the steps, and may call nothing of the session but `cancel`, which does not
// interrupt it. The buffers may be used until it returns. Calls for several sessions that use one Data may overlap.
using NextBatch = Callback<std::int64_t(std::int64_t epoch, std::int64_t batch, View<Buffer const> buffers)>;

struct StreamOptions {
  std::string name = "stream";
  // Of an epoch, where that is known: then totals can be planned in epochs. An epoch that has another number of batches
  // is an error.
  std::int64_t examples = 0;
  // The next batch is filled on a thread of the library while the one before trains; false: on the caller's, between.
  bool own_thread = true;
};

class Data;
struct DataOptions {
  std::string folder = {}; // where built-in sets are looked for, and nowhere else; empty: in the usual places
  // The data continue those of a training: their texts become the same numbers (categories, vocabularies), their
  // pictures and sounds are brought to the same form, missing numbers are filled with the same values. What the
  // training did not know is an error, or <unk> in a text. Which training: one whose checkpoint this file is,
  std::string checkpoint = {};
  std::shared_ptr<Data const> like = {}; // or one on these data
  // Vocabularies alone are continued, categories are numbered anew: for a training that goes on from trained weights
  // with other classes.
  bool new_classes = false;
};

// Named columns, in a training and a test split. Cheap to copy; files are mapped, not read.
class NNC_API Data {
public:
  // `words`: "mnist", "fashion", a folder, a file, or several that give the columns of one set ("image=a.npy,
  // label=b.csv:digit"), and options behind them ("table.csv,target=species,test=0.2"): option_list(), and
  // examples/data.md. Columns of one byte per example, labels for instance, are widened to i32. A file classes.txt
  // beside IDX files of a folder has the name of a class in each line. Throws Failure for what is missing, damaged,
  // empty, or has columns of different lengths.
  static Data open(std::string const& words, DataOptions const& options = {});
  static std::vector<std::string> option_list(); // "test=SHARE|PATH: this share of the examples ..."
  // Arrays of the caller, which are not copied. Throws Failure for columns of different lengths, types that do not
  // exist, names that are there twice, memory that is not aligned.
  static Data from_columns(std::vector<Column> train, std::vector<Column> test = {}, std::string name = "memory");
  // Batches that the caller makes while the training runs. There is a training split alone, of which nothing is held
  // back for validation, and no test split.
  static Data from_batches(std::vector<Field> fields, NextBatch next, StreamOptions options = {});
  static std::vector<std::string> built_in();    // the sets that are called by a name: "mnist", "fashion"
  std::string const& name() const;               // "mnist"; of files the words that named them
  std::string summary() const;                   // "mnist: 60000 training and 10000 test examples from ..."
  std::vector<std::string> notes() const;        // what its user should know, a sentence each
  std::int64_t train_examples() const;           // validation rows included; of a stream what StreamOptions say
  std::int64_t test_examples() const;            // 0: there is no test split
  std::vector<std::string> const& files() const; // that it was read from
  // What the classes are called, by number; empty: nobody knows. The rows of a metric with as many rows, which the
  // program gives no names, are called so in what a session reports of these data.
  std::vector<std::string> const& class_names() const;
  // The same data, with other names of the classes.
  Data with_class_names(std::vector<std::string> names) const;
  // What model arguments and dimensions of these names take: {"classes", 10}.
  std::vector<std::pair<std::string, std::int64_t>> properties() const;
  // What the numbers of a column mean: its categories, or the vocabulary of its texts; empty: they are numbers.
  std::vector<std::string> names_of(std::string const& column) const;
  // The columns of a split as they are in memory, which each of them keeps alive; those of a stream have no rows.
  std::vector<Column> train_columns() const; // validation rows included
  std::vector<Column> test_columns() const;

private:
  friend Inside;
  Data() = default;
  std::shared_ptr<DataContents const> contents_;
};

// ---- Programs -----------------------------------------------------------------------------------------------------

struct Options {
  std::string train_name; // which train block, by tag or model; empty: the only one
  // Model arguments, named dimensions, scalars ("adam.lr"), settings of `train`; values as in the language.
  std::vector<std::pair<std::string, std::string>> set;
  std::optional<std::int64_t> batch;              // examples per update; nothing: what the train block says
  std::string cpu;                                // as LLVM names it; empty: this machine, or the least of `target`
  std::string target;                             // a triple, "aarch64-linux-gnu"; empty: this machine's
  std::optional<Data> data;                       // its columns bind to the inputs, by name, then in order
  std::optional<std::vector<std::string>> passes; // exactly these passes; nothing: all
  std::vector<std::string> without;               // all but these
  bool check_each = false;                        // verify and evaluate after every pass; a change is a Failure (bug)
  std::int64_t max_nodes = 1'000'000;             // of a program, whatever makes them
  std::int64_t max_errors = 20;                   // in the text of a Failure; 0: all
  bool werror = false;                            // warnings are errors

  // After each stage ("elaborate", then the passes by name): its name, whether it changed anything, its text on demand,
  // as long as the callback runs.
  Callback<void(std::string const& stage, bool changed, Callback<std::string()> const& text)> on_stage;
  // How long a stage took in milliseconds of wall time, and the number of nodes after it. Machine code is made when it
  // is first needed and reported as "code of FUNCTION, ..."; that may be on another thread's call into this program.
  Callback<void(std::string const& stage, double milliseconds, std::size_t nodes)> on_time;
  // What a pass did and why, a line each. "fuse" says of each tensor that one kernel stores and another one reads why
  // these are two: "fuse: @run: [dense.y add] net.nn:8 gives f32[batch,10] to [probs] net.nn:10: ...".
  Callback<void(std::string const& line)> on_trace;
  // A file that is about to be imported.
  Callback<void(std::string const& path)> on_import;
};

struct TensorInfo {
  std::string name;
  std::string dtype;
  std::vector<std::int64_t> shape; // -1 where the extent depends on the batch
  std::string type;                // "f32[batch,10]"
  bool is_target = false;          // of an input: only losses and metrics need it
};

// A number that a program is compiled with. `batch` is one where an operation needs it: code is then made for each size
// of batch that is met, and kept. Others only tune, unless something needs to know them while compiling.
struct Constant {
  std::string name; // "batch", "main.lr"
  double value = 0;
  Position at;      // what needs it; a number is listed with the first such place, `batch` with each
  std::string what; // "the length of a scan"
};

// The program as a part of other programs, which need nothing of nnc beside it.
struct ObjectOptions {
  std::string prefix;  // of all names, a name of C; empty: after the model or the file
  std::string weights; // a safetensors file, whose parameters and states the object then holds; empty: none
  std::vector<std::string> rename = {}; // of its tensors, see LoadOptions
};
struct ObjectFiles {
  std::string object; // ELF, COFF or Mach-O, as the target has it
  std::string header; // for C99 and C++
};

// What can be chosen in a text: its train blocks, and the models that none of them trains.
struct Choice {
  std::string name;  // for Options::train_name: the tag of a train block, or the model
  std::string model; // which it trains, or is
  bool trains = false;
  Position at;
};

// A call in the training step: those in the model's body, and below them those that have parameters or states.
struct Layer {
  std::string path;               // "block.dense_2"
  std::string function;           // "dense"
  int depth = 0;                  // 0: the body of the model calls it
  std::vector<std::string> types; // of what it gives: "f32[batch,10]"
  std::int64_t parameters = 0, trained = 0,
               states = 0; // elements, of all below it; 0 where a call in front shares them
  double flops = 0;        // forward, of a batch as it is trained
  Position at;
};

// A tensor in memory while a batch is trained, or run where nothing is trained.
struct Holder {
  std::string kind; // "parameter", "state", "optimizer", "value", "scratch"
  std::string name; // of a value: of the largest one that the place is for
  std::string type;
  std::int64_t bytes = 0;
  Position at;
  std::vector<std::string> also; // values that are in the same place at other times
};

// A program in numbers.
struct Overview {
  std::vector<Layer> calls;
  double flops = 0; // forward, of a batch
  std::vector<std::string> losses, metrics;
  std::vector<std::string> trained;                          // parameters that a `minimize` changes
  std::vector<TensorInfo> states;                            // by path
  std::vector<Holder> memory;                                // the largest first; the data set is not among them
  std::vector<std::pair<std::string, std::string>> settings; // of the train block, with their values
};

class NNC_API Program {
public:
  // What Options::train_name may say of this text; nothing where it cannot be read.
  static std::vector<Choice> choices(std::string const& text, std::string const& name = "program.nn");

  // The text of a program, or, when the name ends in ".ir", of a module. Imports lie below the folder of the file.
  // Throws Failure with all mistakes that were found.
  static Program from_file(std::string const& path, Options const& = {});
  static Program from_text(std::string const& text, Options const& = {}, std::string const& name = "program.nn");

  // What means something, but hardly what its author wants. A program with warnings is compiled all the same.
  std::vector<Problem> const& warnings() const;
  std::string const& summary() const;         // "train mlp": what was chosen in the file
  std::vector<TensorInfo> inputs() const;     // in the order in which columns bind: inputs, then targets
  std::vector<TensorInfo> outputs() const;    // in the order of Session::run
  std::vector<TensorInfo> parameters() const; // by path: "dense.weight"
  std::vector<Number> scalars() const;        // the numbers that only tune, with the values that the text gives them
  std::vector<Constant> const& constants() const;
  std::vector<std::string> reports() const; // losses, then metrics
  Overview overview() const;
  bool can_train() const;          // there is a train block
  bool can_run() const;            // there are outputs
  std::int64_t batch() const;      // examples per update
  std::int64_t validation() const; // rows at the end of the training split that are to be held back
  // Rows of this set that are held back: as many, but a fifth of the digits inside the library when these are too few.
  std::int64_t validation(Data const&) const;

  // The module after the last pass, in text form. (Options::on_stage shows all stages.) Where `batch` is a constant
  // this, the stages, extents that follow from it and what `emit` gives are those for the batch of the training.
  std::string text() const;
  // "ir", "loops", "llvm", "asm": text; "object": the object of emit_object.
  std::string emit(std::string const& kind) const;
  ObjectFiles emit_object(ObjectOptions const& = {}) const;
  static std::vector<std::string> emit_kinds();
  static std::vector<std::string> stages(); // "elaborate" and the names of the passes, in order, each once

private:
  friend Inside;
  Program() = default;
  std::shared_ptr<CompiledProgram const> compiled_;
};

// ---- Files --------------------------------------------------------------------------------------------------------

// Replaces a file as checkpoints are replaced: whatever happens, either the old or the new content is there. Throws
// Failure when it cannot, and for a target that exists and is no regular file.
NNC_API void replace_file(std::string const& path, std::string_view content);
// Throws Failure when replace_file could not: to be asked before work that must not end so.
NNC_API void check_replaceable(std::string const& path);

// ---- Sessions -----------------------------------------------------------------------------------------------------

// What a session will be used for first. Code for all of it is made together, on two threads, when the session begins;
// code for anything else is made when it is first needed. A session that is said to be for no training takes from files
// also what the train block calls `fresh`.
enum class Use { train, evaluate, run };

// Which weights and states may be saved.
enum class Weights { finite, any };

struct SessionOptions {
  // Members of the team; 0: as many as pay, at most one per core that the process may use. More than 64 and than four
  // per core are not started; Session::threads() says how many there are. A training lets fewer of them work while
  // other processes take cores away. No bit of a result depends on any of this.
  int threads = 0;
  std::optional<std::uint64_t> seed; // nothing: what the train block says
  std::int64_t max_memory = 0;       // bytes of weights, states and arena; 0: no limit
  std::vector<Use> uses = {};
};

// A metric of several numbers, as it is behind the last batch.
struct Table {
  std::string name;
  std::vector<std::string> rows; // what they are called; empty: numbers from 0
  std::vector<std::int64_t> shape;
  std::vector<double> values; // row-major
};

struct LoadOptions {
  // Other names for the tensors of the file: "fc1.*=dense.*" calls fc1.weight dense.weight. Each * on the left stands
  // for any text, as short as possible, and those on the right for the same texts in order. ^T at the end swaps the
  // last two axes, "fc*.weight=dense_*.weight^T": PyTorch stores [out, in], nnc [in, out]. With nothing behind the =
  // the tensor is left out. A tensor takes the first rule that matches it, or else keeps its name; a rule that is left
  // with no tensor is a Failure, and so are two tensors of one name.
  std::vector<std::string> rename = {};
};

// What losses and metrics were over some examples: their means, weighted by examples; of totals the last values.
struct Reports {
  std::vector<Number> values;
  std::int64_t examples = 0;
  std::int64_t bad_step = 0;     // the first step whose loss was not finite; 0: none
  std::int64_t zero_divided = 0; // integer divisions by zero (their results are 0)
  std::int64_t clamped = 0;      // indices out of range that no column of the data explains
  std::vector<Table> tables;
};

struct Progress {
  std::int64_t epoch = 0;              // from 1
  std::int64_t epochs = 0;             // planned; rounded up when steps are planned; 0: nobody knows (a stream)
  std::int64_t step = 0, steps = 0;    // updates done, planned; 0: nobody knows
  std::int64_t done = 0, examples = 0; // of this epoch; 0: nobody knows
  std::vector<Number> values;          // means over this epoch so far
  double seconds = 0;                  // since training began
  double examples_per_second = 0;      // of this slice
};

// The end of an epoch (or of the training within one), or a line of the log.
struct Milestone {
  std::int64_t epoch = 0, step = 0;
  std::vector<Number> values;     // means since the milestone (or line of the log) before
  std::vector<Number> validation; // over its split; of a line of log_every when it was last measured; or empty
  std::int64_t validation_examples = 0;
  std::vector<Table> tables, validation_tables;
  std::vector<Number> rates;      // what each optimizer's `lr` was in the last step, whatever schedule gave it
  double seconds = 0;             // since training began
  double seconds_of_epoch = 0;    // since this epoch began
  double examples_per_second = 0; // of training, since the milestone before
};

struct TrainOptions {
  // How long. Totals, also for a resumed training; nothing: what the train block says. A total that is reached already
  // is an error, unless the training was resumed: more_epochs, or more_steps, go on from where the session is.
  std::optional<std::int64_t> epochs, steps;
  // Beside what is done; they take the place of totals. Of a stream whose epochs have no known length more_epochs are
  // whole ones, behind the one that runs.
  std::optional<std::int64_t> more_epochs, more_steps;
  bool shuffle = true; // false: in the order of the file
  // Go on from the file that `save` names; without such a file begin. A file of another training is an error that names
  // both values: another model, optimizer, states, columns, number or order of examples, and where a schedule reads
  // `steps` another total, unless `replan` says that the schedule is to be stretched to it.
  bool resume = false, replan = false;
  // File for a checkpoint; empty: none. It is written at the end of the training, however that comes about, and at the
  // ends of epochs, every few seconds at most, always before a callback hears of the epoch. Weights and states that are
  // not finite never replace a file; one that cannot be written is tried again later, and does not end the training.
  std::string save;
  std::optional<Data> validation; // over which the milestones are measured; nothing: the rows that are held back
  // File for a checkpoint of the best epoch so far, by the validation split; empty: none. What is best: "max accuracy",
  // "min loss"; empty: what the train block says with `save_best`, or else "min loss".
  std::string save_best, best;
  // "3 of min loss": so many epochs without a better value over the validation split end the training. Empty: what the
  // train block says. A resumed training remembers what the best epoch was.
  std::string patience;
  std::int64_t save_every = 0;               // and after every so many steps
  std::int64_t log_every = 0;                // on_log after every so many steps; 0: after every epoch
  bool stop_on_bad = true;                   // stop when a loss is not finite, or weights at the end of an epoch
  // Keeps what is needed to make a step again: weights and states are copied and looked at after every slice, and where
  // one of them or a loss is not finite any more, the first such step is made again, for Session::explain_bad.
  bool explain_bad = false;
  Callback<bool(Progress const&)> on_slice;  // between slices of some tens of milliseconds; false: stop here
  Callback<void(Milestone const&)> on_epoch; // after each epoch, and at the end within one
  Callback<void(Milestone const&)> on_log;   // see log_every
  // A line that whoever trains should read: numbers that were others in the file, a checkpoint that was not written.
  Callback<void(std::string const&)> on_note;
};

struct Trained {
  std::int64_t first_step = 0;      // updates made before
  std::int64_t step = 0, epoch = 0; // updates made, epochs finished, in total
  std::int64_t examples = 0;        // of the training split
  bool stopped = false;             // on_slice said so, or Session::cancel
  std::int64_t bad_step = 0;        // the first step whose loss was not finite; 0: none; see Session::explain_bad
  std::string not_finite;           // which parameter or state is not finite at the end, and since when; empty: none
  bool saved = false;               // the file holds the weights as they are now
  std::int64_t saves = 0;           // how often it was written
  std::string save_error;           // why it could not be written at the end; empty: it could, or need not
  std::int64_t best_epoch = 0;      // of what save_best, or else patience, speaks of; 0: nothing does
  double best_value = 0;            // in it
  std::string best_error;           // why the file of the best epoch does not hold it; empty: it does, or need not
  bool out_of_patience = false;     // that is what ended the training
  std::int64_t clamped = 0;         // indices out of range that no column of the data explains
  std::int64_t zero_divided = 0;    // integer divisions by zero (their results are 0)
  double seconds = 0;
};

// The first step of a training behind which a loss, a weight or a state was not finite, and what made it so.
struct BadStep {
  enum class Cause {
    operation, // gave an infinity or a NaN, of operands that are finite
    data,      // held one in this batch
    weight,    // or a state was not finite before the step
    literal,   // the program writes it
    rounding,  // the evaluator finds all numbers finite: a sum of the compiled code leaves the range on its way
  };
  std::int64_t step = 0, epoch = 0; // both from 1
  std::string bad;                  // "the loss 'loss'", "'dense.weight'", "the optimizer's 'm/dense.weight'"
  Cause cause = Cause::operation;
  std::string name;                // "log", or that of the column, the parameter or the state
  std::string part;                // of an operation: "the gradient of sqrt", "the update of 'w'"; empty: it is written
  Position at;                     // in the program; of a gradient the line that it is one of
  std::vector<std::int64_t> index; // of the first element that is not finite; of data without the example
  std::int64_t example = -1;       // of the training split (of a stream: of the batch), where it is one's; else -1
  double value = 0;                // it: an infinity or a NaN; of Cause::rounding the largest number
  std::string text;                // all of it for a person: the line with a caret, the operands with their ranges
};

// A step or a run on buffers that were checked once: a call takes what they hold then, and neither allocates nor locks
// nor looks anything up nor asks the system for anything (a team of more than one thread is woken by a futex). Keeps
// the session's weights alive, not the buffers.
class NNC_API Bound {
public:
  // Reports of a step (the same object each time), or none. Throws what step or run of the session throws.
  Reports const& operator()();
  Bound(Bound&&) noexcept = default;
  Bound& operator=(Bound&&) noexcept = default;

private:
  friend Inside;
  Bound() = default;
  std::shared_ptr<BoundCall> call_;
};

class NNC_API Session {
public:
  // Allocates and initialises the parameters, states and states of the optimizer. Keeps the program alive.
  explicit Session(Program const&, SessionOptions const& = {});
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  // A session of the same program that runs and evaluates with this one's weights, without a copy: one for each thread
  // of a server. It can neither train nor replace weights; while one of them runs nobody may train this one.
  Session sharing_weights(SessionOptions const& = {}) const;

  // One update on `batch` examples: every input and target of the program, each with batch times the elements of one
  // example. Labels out of range are an error that names the input and the example; the update has then been made with
  // the nearest label that exists. A schedule that reads `steps` needs to be told how many: by the train block, or by
  // set_scalar.
  Reports step(std::vector<Input> const&, std::int64_t batch);
  // Steps by hand that follow belong to this pass over the data, from 1: what the program keeps `per epoch`, totals among
  // it, begins anew, and `epoch` is that number. Without it all steps by hand are one pass. A training goes on behind the
  // epochs in front of it.
  void begin_epoch(std::int64_t epoch);
  // Losses and metrics without an update, of the same inputs and targets. Labels out of range are an error.
  Reports evaluate(std::vector<Input> const&, std::int64_t batch);
  // The outputs of the program, in its order. Targets that no output needs may be left out.
  std::vector<Array> run(std::vector<Input> const&, std::int64_t batch);
  // The same into memory of the caller, by the names of the outputs; outputs that are not named are not kept.
  void run_into(std::vector<Input> const&, std::vector<Output> const&, std::int64_t batch);
  // The same, checked now and called later, as often as one likes.
  Bound bind_step(std::vector<Input> const&, std::int64_t batch);
  Bound bind_run(std::vector<Input> const&, std::vector<Output> const&, std::int64_t batch);

  // Trains on the training split without its validation rows. A batch that is larger than that is an error, and so are
  // columns that do not fit and labels out of range, before anything is trained. Called again it goes on from where it
  // is, to the totals of the options: within an epoch where the data are those of the call before, else with a new one.
  Trained train(Data const&, TrainOptions const& = {});
  // What made a loss, a weight or a state infinite or NaN in the last call of train: the first such step is made again
  // in the evaluator, an operation at a time. With TrainOptions::explain_bad that has been done already. Without it the
  // training is made again up to there, which takes as long as it took: to the same bits, as it began with the weights
  // of the seed. Throws Failure where it began with others, where the data were a stream, and where everything stayed
  // finite. Nothing of the session changes.
  BadStep explain_bad();
  // Losses and metrics over a part; an empty part is an error.
  Reports evaluate(Data const&, Part);
  // Makes the code for that now, so that what is wrong with it, for the size of its last batch for one, is a Failure
  // now.
  void prepare_evaluation(Data const&, Part);
  // The outputs for every example, at most `limit` of them (0: all), computed for Options::batch examples at a time. A
  // program that has an output without `batch` in front sees all of them as one batch.
  std::vector<Array> run(Data const&, Part, std::int64_t limit = 0);
  std::int64_t clamped() const; // indices out of range in the last run; the nearest were taken

  // A parameter by its path ("dense.weight"), a state, or a state of the optimizer ("m/dense.weight"): f32[784,10].
  // Setting one needs exactly its dtype and its bytes. Throws Failure for a name that the program does not have.
  Array parameter(std::string const& name) const;
  void set_parameter(Input const&);
  // The memory itself. Who writes into it says `changed` before the next call.
  ParameterView parameter_view(std::string const& name);
  void changed(std::string const& name);
  // A number that only tunes ("adam.lr"), or "steps" or "epoch"; setting one compiles nothing anew. Throws Failure for
  // a value that is not finite or that a `require` of the program forbids, and for "steps" or "epoch" that is no count.
  double scalar(std::string const& name) const;
  void set_scalar(std::string const& name, double value);
  std::int64_t step_count() const; // updates made so far
  int threads() const;             // members of the team

  // A checkpoint as safetensors: written to a temporary file, synced, renamed. An infinity or a NaN in a parameter or a
  // state is a Failure that names it, unless any weights will do. `load` takes parameters, and states if there are any,
  // from a safetensors file that has every one with its type, and no others, and leaves the states of the optimizer,
  // the step and the seed. Floats may be narrower in the file, f16 or bf16 for f32 or f64, and f32 for f64. All that is
  // missing, surplus or of another type is told in one Failure.
  void save(std::string const& path, Weights = Weights::finite) const;
  void load(std::string const& path);
  void load(std::string const& path, LoadOptions const&);
  // Everything that a training needs to go on to the same bits: parameters, states, those of the optimizer, numbers,
  // the seed, the step and the place in the epoch. `save` writes the same bytes. `restore` and `resume` put all of it
  // back; they throw Failure, and change nothing, for a checkpoint of another model or optimizer.
  std::string checkpoint() const;
  void restore(std::string_view checkpoint);
  void resume(std::string const& path);

  // Ends the call that runs at this moment on another thread: train (which then returns, `stopped`), evaluate, run over
  // data, and the compilation that one of them waits for (which throw Failure, cancelled). Within 50 ms, or the end of
  // the step that runs, of the function that is compiled or of a call of NextBatch, whichever is later. Nothing of the
  // session is lost. Without a call that runs nothing happens. May be called from a signal handler.
  void cancel() noexcept;

  // What the numbers of a column of the data mean, on which the weights were trained (or which were run last): its
  // categories, or its vocabulary. Empty: they are numbers.
  std::vector<std::string> names_of(std::string const& column) const;
  // What the integers of an output say (Array::column): of classes a name for each; of tokens a text for each line of
  // the last axis, or for each of them where there is no axis behind the examples. Throws Failure for another array.
  std::vector<std::string> texts_of(Array const&) const;

  // SHA-256 over the parameters in order of their names, 64 hexadecimal digits.
  std::string digest() const;

private:
  friend Inside;
  Session() = default;
  std::shared_ptr<SessionState> state_;
};

} // namespace v1
} // namespace nnc
