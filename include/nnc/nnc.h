// The C API of nnc, C99: compile a network that is written as text, train it, run it, read and write its weights.
// (nnc.hpp beside it is the same for C++; runtime/README.md is the manual of both.)
//
//   nnc_program* program = NULL;
//   nnc_session* session = NULL;
//   if (nnc_program_from_text(text, NULL, NULL, &program) != NNC_OK) puts(nnc_error_text());
//   if (nnc_session_create(program, NULL, &session) != NNC_OK) puts(nnc_error_text());
//   nnc_input inputs[] = {{sizeof(nnc_input), "image", "u8", pixels, sizeof pixels}};
//   float probs[32 * 10];
//   nnc_output outputs[] = {{sizeof(nnc_output), "probs", "f32", probs, sizeof probs}};
//   nnc_session_run_into(session, inputs, 1, outputs, 1, 32);
//   nnc_session_free(session);
//   nnc_program_free(program);
//
// Status. A call that can fail returns nnc_status, NNC_OK being 0; what went wrong is asked of nnc_error_text and its
// companions on the same thread. A result (`out`) is written when the call succeeds; a handle that was asked for is
// NULL otherwise. A null pointer is NNC_ARGUMENT, unless "may be NULL" is said. No C++ exception leaves the library.
//
// Handles (nnc_program, nnc_session, ...) are opaque. Whoever is given one frees it once, in any order: what a handle
// needs of another lives on. Freeing NULL does nothing.
//
// Strings are UTF-8 and end in a zero byte. Those that describe something (names, types, summaries) belong to the
// handle that was asked and live as long as it does, where nothing else is said. Texts and bytes that are made on
// demand are nnc_text handles. Strings and arrays that the caller passes are read during the call and not kept, except
// the columns of nnc_data_from_columns.
//
// Structs begin with their size: the caller sets it to sizeof, also before a call fills the struct, and leaves zero in
// what it does not set; zero is the default everywhere. A library that is newer than the caller takes the fields that
// are missing as their defaults; one that is older fails with NNC_ARGUMENT for bytes that are not zero in fields which
// it does not know. The elements of an array have equal sizes. nnc_number, nnc_setting and nnc_buffer will not grow.
//
// Counts and indices are 64 bits, sizes are bytes, flags are 0 or 1, seconds are seconds. Tensors are dense and
// row-major; elements have the types f64 f32 f16 bf16 i64 i32 i8 u8 bool (one byte, 0 or 1).
//
// Threads, fork, exit. A program and a data handle may be used by many threads at once. A session, and what is bound to
// it, has one caller at a time, from whichever thread; nnc_session_cancel alone may come from any thread at any time,
// and several threads may call nnc_session_sharing_weights at once while no other call runs. Callbacks run on the
// thread of the caller, or on one of the library that the caller waits for; they may call everything of their session
// but what trains it or replaces its weights (nnc_stream.next may call less). A child may use handles that no other
// thread was using when it was forked. The library prints nothing, handles no signal and ends no process.
#ifndef NNC_NNC_H
#define NNC_NNC_H

#include "nnc/version.h"

#include <stddef.h>
#include <stdint.h>

#define NNC_API __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

NNC_API char const* nnc_version(void); // "0.2.0", of the library that runs; NNC_VERSION is that of the header

// The library that runs and the machine it is on, as `nnc --version` says it. The strings live as long as the library.
typedef struct nnc_build {
  size_t size;
  char const* version; // "0.2.0"
  char const* llvm;    // "19.1.7"
  char const* target;  // of code for this machine, a triple
  char const* cpu;     // as LLVM names it
} nnc_build;

// ---- What can go wrong --------------------------------------------------------------------------------------------

// New kinds may come; whoever switches has a default.
typedef enum nnc_status {
  NNC_OK = 0,
  NNC_SYNTAX,      // a text that cannot be read as a program
  NNC_TYPE,        // a program that means nothing: names, types, shapes, settings, numbers out of their range
  NNC_ARGUMENT,    // of a call: a null pointer, a name that the program does not have, a buffer of another size
  NNC_DATA,        // a data set, a column, a file of weights: damaged, of another type, with labels out of range
  NNC_FILE,        // cannot be opened, read or written
  NNC_MEMORY,      // or threads: there are no more
  NNC_CANCELLED,   // by nnc_session_cancel, or by a callback that says so
  NNC_UNSUPPORTED, // means something, but nnc cannot do it, or not on this machine
  NNC_BUG          // a broken invariant of nnc itself
} nnc_status;

NNC_API char const* nnc_status_name(nnc_status); // "ok", "syntax"

// One mistake, or a warning. No string is NULL; `line` is 0 when there is no place, `help` empty when nobody knows what
// would fit.
typedef struct nnc_problem {
  size_t size;
  char const* file;
  int64_t line, column; // from 1; columns in bytes
  char const* message;
  char const* help;
  char const* text; // all of it for a person, with the source line and a caret; does not end in a newline
  int64_t notes;    // how it came about: nnc_error_note, nnc_program_warning_note
} nnc_problem;

typedef struct nnc_note {
  size_t size;
  char const* file;
  int64_t line, column;
  char const* message;
} nnc_note;

// The last call on this thread that failed; calls that succeed leave it as it is. The strings live until the next call
// on this thread fails, or the thread ends.
NNC_API nnc_status nnc_error_status(void); // NNC_OK: none has failed
NNC_API char const* nnc_error_text(void);  // all of it for a person, without a newline at the end; "": none has failed
NNC_API int64_t nnc_error_problems(void);  // how many mistakes were found
// By position from 0; NNC_ARGUMENT, which is then no new failure, when there is none.
NNC_API nnc_status nnc_error_problem(int64_t problem, nnc_problem* out);
NNC_API nnc_status nnc_error_note(int64_t problem, int64_t note, nnc_note* out);
// Of NNC_BUG: the program as IR when there was one, and what the command needs to show the bug with it; else "".
NNC_API char const* nnc_error_reproducer(void);
NNC_API char const* nnc_error_switches(void);

NNC_API nnc_status nnc_describe_build(nnc_build* out);

// ---- Documentation ------------------------------------------------------------------------------------------------

// A word of the language: a function of the library, a builtin, an optimizer, a setting of a train block, a statement.
// The kind "elsewhere" is of words that Python, NumPy, PyTorch, Keras, JAX and C have: their text says what stands for
// them here, and they have no form. The strings live as long as the library.
typedef struct nnc_word {
  size_t size;
  char const* const* names; // what one looks it up by: {"dense"}, {"if", "else"}
  int64_t name_count;
  char const* kind; // "layers", "optimizers", "settings", "statements"
  char const* form; // "dense(x: float[.., n], units, use_bias = true, initial = glorot_uniform)"
  char const* text;
  char const* example; // a fragment of a program, or ""
} nnc_word;

// All of them: those of the language itself, those of the library by kind, those from elsewhere.
NNC_API int64_t nnc_word_count(void);
NNC_API nnc_status nnc_word_at(int64_t index, nnc_word* out); // by position from 0

// ---- Texts, arrays, numbers ---------------------------------------------------------------------------------------

// A text, or bytes, that the library has made for the caller.
typedef struct nnc_text nnc_text;
NNC_API char const* nnc_text_data(nnc_text const*); // a zero byte follows the last; "" for NULL
NNC_API size_t nnc_text_size(nnc_text const*);      // bytes, without that zero; 0 for NULL
NNC_API void nnc_text_free(nnc_text*);

// A number with a name: a loss, a metric, a scalar.
typedef struct nnc_number {
  char const* name;
  double value;
} nnc_number;

// Elements that the caller has, or that the library shows.
typedef struct nnc_array {
  size_t size;
  char const* name;
  char const* dtype; // "f32"
  int64_t const* shape;
  int64_t rank;     // 0: one number
  void const* data; // row-major, aligned for its elements
  size_t bytes;     // of all elements
} nnc_array;

// Tensors that the library has made for the caller; what nnc_arrays_get shows lives as long as the handle.
typedef struct nnc_arrays nnc_arrays;
NNC_API int64_t nnc_arrays_count(nnc_arrays const*); // 0 for NULL
NNC_API nnc_status nnc_arrays_get(nnc_arrays const*, int64_t index, nnc_array* out);
NNC_API void nnc_arrays_free(nnc_arrays*);

// Elements of the caller, which nnc reads during the call and does not keep.
typedef struct nnc_input {
  size_t size;
  char const* name;
  char const* dtype;
  void const* data; // row-major, aligned for its elements
  size_t bytes;     // of all elements
} nnc_input;

// Memory of the caller, into which nnc writes.
typedef struct nnc_output {
  size_t size;
  char const* name;
  char const* dtype;
  void* data;
  size_t bytes;
} nnc_output;

// ---- Data sets ----------------------------------------------------------------------------------------------------

typedef struct nnc_data nnc_data;

// Of a data set. TRAIN is the training split without its validation rows, ALL the training split with them.
typedef int32_t nnc_part;
enum { NNC_PART_TRAIN = 0, NNC_PART_VALIDATION, NNC_PART_ALL, NNC_PART_TEST };

// An array of the caller: one row for each example. Nothing is copied. The memory must live, and stay as it is while a
// call runs, until the library no longer needs it: it then calls `release`, once, from any thread.
typedef struct nnc_column {
  size_t size;
  char const* name;
  char const* dtype;
  int64_t const* shape;        // {60000, 28, 28}: examples first
  int64_t rank;                // at least 1
  void const* data;            // row-major, aligned for its elements
  void (*release)(void* user); // may be NULL: the memory outlives every handle that the data were given to
  void* user;
} nnc_column;

// A column of a stream: what one example of it is.
typedef struct nnc_field {
  size_t size;
  char const* name;
  char const* dtype;
  int64_t const* shape; // of one example: {28, 28}
  int64_t rank;         // 0: one number
} nnc_field;

// Memory of the library, which a stream fills: `rows` examples of a field, row-major.
typedef struct nnc_buffer {
  void* data;
  int64_t rows;
  size_t bytes; // of all rows
} nnc_buffer;

// Batches that the caller makes while the training runs.
typedef struct nnc_stream {
  size_t size;
  // Fills the buffers, one for each field, with the examples of a batch, and returns how many they are:
  // buffers[0].rows, or fewer in the last batch of an epoch; 0: the epoch has ended; below 0: it failed, the call that
  // trains saves as at its end and returns NNC_CANCELLED. Epochs count from 1 (0: an evaluation), batches of an epoch
  // from 0. Called in order; what comes is not shuffled. On a thread of the library it runs beside the steps, and
  // may call nothing of the session but nnc_session_cancel, which does not interrupt it. Calls for several sessions
  // that use the handle may overlap.
  int64_t (*next)(void* user, int64_t epoch, int64_t batch, nnc_buffer const* buffers, int64_t count);
  void* user;
  void (*release)(void* user); // may be NULL; called once, from any thread, when `next` will not be called any more
  char const* name;            // NULL: "stream"
  // Of an epoch, where that is known: then totals can be planned in epochs. An epoch that has another number of batches
  // is an error.
  int64_t examples;
  // `next` is called between steps on the thread of the caller; 0: on a thread of the library, while the batch before
  // trains.
  int64_t on_calling_thread;
} nnc_stream;

typedef struct nnc_data_info {
  size_t size;
  char const* name;       // "mnist"; of files the words that named them
  char const* summary;    // "mnist: 60000 training and 10000 test examples from ..."
  char const* note;       // what its user should know, or ""; part of the summary
  int64_t train_examples; // validation rows included; of a stream what nnc_stream says
  int64_t test_examples;  // 0: there is no test split
  int64_t train_columns, test_columns;
  int64_t files; // that it was read from: nnc_data_file
} nnc_data_info;

// `words`: "mnist", "fashion", a folder, a file, or several that give the columns of one set ("image=a.npy,
// label=b.csv:digit"), and options behind them ("table.csv,target=species,test=0.2"): see examples/data.md. `folder`:
// where built-in sets are looked for, and nowhere else; NULL: in the usual places. Columns of one byte per example,
// labels for instance, are widened to i32. A file classes.txt beside IDX files of a folder has the name of a class in
// each line.
NNC_API nnc_status nnc_data_open(char const* words, char const* folder, nnc_data** out);

typedef struct nnc_data_options {
  size_t size;
  char const* folder; // as above
  // The data continue those of a training: their texts become the same numbers (categories, vocabularies), their
  // pictures and sounds are brought to the same form, missing numbers are filled with the same values. What the training
  // did not know is an error, or <unk> in a text. Which training: one whose checkpoint this file is,
  char const* checkpoint;
  nnc_data const* like; // or one on these data
  // 1: vocabularies alone are continued, categories are numbered anew: for a training that goes on from trained weights
  // with other classes.
  int64_t new_classes;
} nnc_data_options;
NNC_API nnc_status nnc_data_open_with(char const* words, nnc_data_options const*, nnc_data** out);
// What the numbers of a column mean: the name of its category or token, by number; NULL behind the last one, and where
// they are numbers. Valid as long as the data.
NNC_API char const* nnc_data_name(nnc_data const*, char const* column, int64_t number);
// A property of the data, which model arguments and dimensions of its name take, by index; NULL behind the last one.
NNC_API char const* nnc_data_property(nnc_data const*, int64_t index, int64_t* value);
// Arrays of the caller, which are not copied. `test` may be NULL with 0 columns, `name` NULL: "memory". When the call
// fails the columns stay the caller's, and `release` is not called.
NNC_API nnc_status nnc_data_from_columns(nnc_column const* train, int64_t train_columns, nnc_column const* test,
                                         int64_t test_columns, char const* name, nnc_data** out);
// There is a training split alone, of which nothing is held back for validation. When the call fails `release` is not
// called.
NNC_API nnc_status nnc_data_from_batches(nnc_field const* fields, int64_t count, nnc_stream const* stream,
                                         nnc_data** out);
NNC_API nnc_status nnc_data_describe(nnc_data const*, nnc_data_info* out);
// A column of the training split (NNC_PART_ALL) or of NNC_PART_TEST as it is in memory; `release` is NULL. What `out`
// shows lives as long as the handle.
NNC_API nnc_status nnc_data_column(nnc_data const*, nnc_part split, int64_t index, nnc_column* out);
NNC_API char const* nnc_data_file(nnc_data const*, int64_t index); // NULL: there is none
NNC_API char const* nnc_data_built_in(int64_t index);              // "mnist", "fashion", NULL: there is none
// What a class is called; NULL: there is none, or nobody knows. The rows of a metric with as many rows, which the
// program gives no names, are called so in what a session reports of these data.
NNC_API char const* nnc_data_class_name(nnc_data const*, int64_t index);
// The same data, with other names of the classes.
NNC_API nnc_status nnc_data_with_class_names(nnc_data const*, char const* const* names, int64_t count, nnc_data** out);
NNC_API void nnc_data_free(nnc_data*);

// ---- Programs -----------------------------------------------------------------------------------------------------

// A compiled program; it does not change.
typedef struct nnc_program nnc_program;
// A stage of the compilation, while on_stage runs.
typedef struct nnc_stage nnc_stage;

// A model argument, a named dimension, a scalar ("adam.lr") or a setting of `train`, and its value as in the language.
typedef struct nnc_setting {
  char const* name;
  char const* value;
} nnc_setting;

typedef struct nnc_options {
  size_t size;
  char const* train_name; // which train block, by tag or model; NULL: the only one
  nnc_setting const* set;
  int64_t set_count;
  int64_t batch;             // examples per update; 0: what the train block says
  char const* cpu;           // as LLVM names it; NULL: this machine, or the least of `target`
  char const* target;        // a triple, "aarch64-linux-gnu"; NULL: that of this machine
  nnc_data const* data;      // may be NULL; its columns bind to the inputs, by name, then in order
  char const* const* passes; // exactly these passes; NULL: all
  int64_t pass_count;
  char const* const* without; // all but these
  int64_t without_count;
  int64_t check_each; // verify and evaluate after every pass; a change is NNC_BUG
  int64_t max_nodes;  // of a program, whatever makes them; 0: 1,000,000
  int64_t max_errors; // in the error text; 0: 20, -1: all
  int64_t werror;     // warnings are errors
  void* user;         // the first argument of the callbacks, which may be NULL
  // After each stage ("elaborate", then the passes by name); nnc_stage_text gives its text. Not 0: the call ends as
  // NNC_CANCELLED.
  int32_t (*on_stage)(void* user, char const* name, int32_t changed, nnc_stage const* stage);
  // How long a stage took, and the number of nodes after it. Machine code is made when it is first needed and reported
  // as "code of FUNCTION, ..."; that may be on another thread, in a call of a session of this program.
  void (*on_time)(void* user, char const* name, double milliseconds, int64_t nodes);
  // A file that is about to be imported. Not 0: the call ends as NNC_CANCELLED.
  int32_t (*on_import)(void* user, char const* path);
  // What a pass did and why, a line each. "fuse" says of each tensor that one kernel stores and another one reads why
  // these are two.
  void (*on_trace)(void* user, char const* line);
} nnc_options;

// What can be chosen in a text: its train blocks, and the models that none of them trains.
typedef struct nnc_choice {
  size_t size;
  char const* name;  // for nnc_options.train_name: the tag of a train block, or the model
  char const* model; // which it trains, or is
  int64_t trains;
  char const* file;
  int64_t line, column;
} nnc_choice;
typedef struct nnc_choices nnc_choices;

// A call in the training step: those in the model's body, and below them those that have parameters or states.
typedef struct nnc_layer {
  size_t size;
  char const* path;         // "block.dense_2"
  char const* function;     // "dense"
  int64_t depth;            // 0: the body of the model calls it
  char const* const* types; // of what it gives: "f32[batch,10]"
  int64_t type_count;
  int64_t parameters, trained, states; // elements, of all below it; 0 where a call in front shares them
  double flops;                        // forward, of a batch as it is trained
  char const* file;
  int64_t line, column;
} nnc_layer;

// A tensor in memory while a batch is trained, or run where nothing is trained.
typedef struct nnc_holder {
  size_t size;
  char const* kind; // "parameter", "state", "optimizer", "value", "scratch"
  char const* name; // of a value: of the largest one that the place is for
  char const* type;
  int64_t bytes;
  char const* file;
  int64_t line, column;
  char const* const* also; // values that are in the same place at other times
  int64_t also_count;
} nnc_holder;

// A program in numbers, what `nnc FILE` shows.
typedef struct nnc_overview nnc_overview;
typedef struct nnc_overview_info {
  size_t size;
  double flops;                                                        // forward, of a batch
  int64_t calls, losses, metrics, trained, states, holders, settings; // how many
} nnc_overview_info;

typedef struct nnc_program_info {
  size_t size;
  char const* summary; // "train mlp": what was chosen in the file
  int64_t inputs, outputs, parameters, scalars, constants, reports, warnings; // how many
  int64_t can_train;                                                          // there is a train block
  int64_t can_run;                                                            // there are outputs
  int64_t batch;                                                              // examples per update
  int64_t validation; // rows at the end of the training split that are to be held back
} nnc_program_info;

typedef struct nnc_tensor {
  size_t size;
  char const* name;
  char const* dtype;
  char const* type;     // "f32[batch,10]"
  int64_t const* shape; // -1 where the extent depends on the batch
  int64_t rank;
  int64_t is_target; // of an input: only losses and metrics need it
} nnc_tensor;

// A number that a program is compiled with. `batch` is one where an operation needs it: code is then made for each size
// of batch that comes, and kept.
typedef struct nnc_constant {
  size_t size;
  char const* name; // "batch", "main.lr"
  double value;
  char const* file; // what needs it
  int64_t line, column;
  char const* what; // "the length of a scan"
} nnc_constant;

typedef struct nnc_object_options {
  size_t size;
  char const* prefix;        // of all names, a name of C; NULL: after the model or the file
  char const* weights;       // a safetensors file, whose parameters and states the object then holds; NULL: none
  char const* const* rename; // of its tensors, see nnc_load_options
  int64_t rename_count;
} nnc_object_options;

// `options` may be NULL. `name` is what messages call the text, NULL: "program.nn"; ending in ".ir": the text is a
// module. Imports lie below the folder of `name`.
NNC_API nnc_status nnc_program_from_text(char const* text, nnc_options const* options, char const* name,
                                         nnc_program** out);
NNC_API nnc_status nnc_program_from_file(char const* path, nnc_options const* options, nnc_program** out);
NNC_API nnc_status nnc_program_describe(nnc_program const*, nnc_program_info* out);
// By position from 0, up to the counts of nnc_program_info.
NNC_API nnc_status nnc_program_input(nnc_program const*, int64_t index, nnc_tensor* out); // inputs, then targets
NNC_API nnc_status nnc_program_output(nnc_program const*, int64_t index, nnc_tensor* out);
NNC_API nnc_status nnc_program_parameter(nnc_program const*, int64_t index, nnc_tensor* out); // by path: "dense.weight"
NNC_API nnc_status nnc_program_scalar(nnc_program const*, int64_t index, nnc_number* out); // with the value of the text
NNC_API nnc_status nnc_program_constant(nnc_program const*, int64_t index, nnc_constant* out);
NNC_API char const* nnc_program_report(nnc_program const*, int64_t index); // losses, then metrics; NULL: there is none
NNC_API nnc_status nnc_program_warning(nnc_program const*, int64_t index, nnc_problem* out);
NNC_API nnc_status nnc_program_warning_note(nnc_program const*, int64_t index, int64_t note, nnc_note* out);
// Rows of this set that are held back: as many as nnc_program_info says, but a fifth of the digits inside the library.
NNC_API nnc_status nnc_program_validation(nnc_program const*, nnc_data const*, int64_t* out);
// What nnc_options.train_name may say of this text; nothing where it cannot be read. `name` as of nnc_program_from_text.
NNC_API nnc_status nnc_program_choices(char const* text, char const* name, nnc_choices** out);
NNC_API int64_t nnc_choices_count(nnc_choices const*); // 0 for NULL
NNC_API nnc_status nnc_choices_get(nnc_choices const*, int64_t index, nnc_choice* out);
NNC_API void nnc_choices_free(nnc_choices*);
// By position from 0, up to the counts of nnc_overview_info; NULL: there is none. What is shown lives as long as the
// handle.
NNC_API nnc_status nnc_program_overview(nnc_program const*, nnc_overview** out);
NNC_API nnc_status nnc_overview_describe(nnc_overview const*, nnc_overview_info* out);
NNC_API nnc_status nnc_overview_call(nnc_overview const*, int64_t index, nnc_layer* out);
NNC_API char const* nnc_overview_loss(nnc_overview const*, int64_t index);
NNC_API char const* nnc_overview_metric(nnc_overview const*, int64_t index);
NNC_API char const* nnc_overview_trained(nnc_overview const*, int64_t index); // a parameter that a `minimize` changes
NNC_API nnc_status nnc_overview_state(nnc_overview const*, int64_t index, nnc_tensor* out); // by path
NNC_API nnc_status nnc_overview_holder(nnc_overview const*, int64_t index, nnc_holder* out); // the largest first
NNC_API nnc_status nnc_overview_setting(nnc_overview const*, int64_t index, nnc_setting* out); // of the train block
NNC_API void nnc_overview_free(nnc_overview*);
// The module after the last pass, in text form.
NNC_API nnc_status nnc_program_text(nnc_program const*, nnc_text** out);
// "ir", "loops", "llvm", "asm": text; "object": the object of nnc_program_emit_object.
NNC_API nnc_status nnc_program_emit(nnc_program const*, char const* kind, nnc_text** out);
// The program as a part of other programs, which need nothing of nnc beside it: an object as the target has it, and its
// header for C99 and C++. `options` may be NULL, and so may one of the results.
NNC_API nnc_status nnc_program_emit_object(nnc_program const*, nnc_object_options const* options, nnc_text** object,
                                           nnc_text** header);
NNC_API void nnc_program_free(nnc_program*);

NNC_API nnc_status nnc_stage_text(nnc_stage const*, nnc_text** out);
NNC_API char const*
nnc_stage_name(int64_t index);                    // "elaborate" and the passes in order, each once; NULL: there is none
NNC_API char const* nnc_emit_kind(int64_t index); // NULL: there is none

// ---- Sessions -----------------------------------------------------------------------------------------------------

// Parameters, states, memory and threads for a program.
typedef struct nnc_session nnc_session;
// A step or a run on buffers that were checked once.
typedef struct nnc_bound nnc_bound;

// What a session will be used for first: code for all of it is made together, on two threads, when the session begins.
enum { NNC_USE_TRAIN = 1, NNC_USE_EVALUATE = 2, NNC_USE_RUN = 4 };

// Which weights and states may be saved.
typedef int32_t nnc_weights;
enum { NNC_WEIGHTS_FINITE = 0, NNC_WEIGHTS_ANY };

typedef struct nnc_session_options {
  size_t size;
  int64_t threads;  // members of the team; 0: as many as pay, at most one per core that the process may use
  int64_t has_seed; // 0: what the train block says
  uint64_t seed;
  int64_t max_memory; // bytes of weights, states and arena; 0: no limit
  int64_t uses;       // NNC_USE_..., or-ed together
} nnc_session_options;

typedef struct nnc_session_info {
  size_t size;
  int64_t threads; // members of the team
  int64_t steps;   // updates made so far
  int64_t clamped; // indices out of range in the last run; the nearest were taken
} nnc_session_info;

typedef struct nnc_load_options {
  size_t size;
  // Other names for the tensors of the file: "fc1.*=dense.*" calls fc1.weight dense.weight. Each * on the left stands
  // for any text, as short as possible, and those on the right for the same texts in order. ^T at the end swaps the
  // last two axes, "fc*.weight=dense_*.weight^T": PyTorch stores [out, in], nnc [in, out]. With nothing behind the =
  // the tensor is left out. A tensor takes the first rule that matches it, or else keeps its name; a rule that is left
  // with no tensor is an error, and so are two tensors of one name.
  char const* const* rename;
  int64_t rename_count;
} nnc_load_options;

// A metric of several numbers, as it is behind the last batch.
typedef struct nnc_table {
  char const* name;
  char const* const* rows; // what they are called; NULL: numbers from 0
  int64_t const* shape;
  int64_t rank;
  double const* values; // row-major
  int64_t count;
} nnc_table;

// What losses and metrics were over some examples: their means, weighted by examples. `values` and `tables` belong to the
// session (or what is bound to it) and live until its next call that gives reports.
typedef struct nnc_reports {
  size_t size;
  nnc_number const* values; // in the order of nnc_program_report
  int64_t count;
  int64_t examples;
  int64_t bad_step;     // the first step whose loss was not finite; 0: none
  int64_t zero_divided; // integer divisions by zero (their results are 0)
  int64_t clamped;      // indices out of range that no column of the data explains
  nnc_table const* tables;
  int64_t table_count;
} nnc_reports;

// Lives while on_slice runs.
typedef struct nnc_progress {
  size_t size;
  int64_t epoch;            // from 1
  int64_t epochs;           // planned; rounded up when steps are planned
  int64_t step, steps;      // updates done, planned
  int64_t done, examples;   // of this epoch
  nnc_number const* values; // means over this epoch so far
  int64_t count;
  double seconds;             // since training began
  double examples_per_second; // of this slice
} nnc_progress;

// The end of an epoch (or of the training within one), or a line of the log. Lives while the callback runs.
typedef struct nnc_milestone {
  size_t size;
  int64_t epoch, step;
  nnc_number const* values; // means since the milestone (or line of the log) before
  int64_t count;
  nnc_number const* validation; // over the validation split (the last time, in a line of log_every)
  int64_t validation_count;     // 0: there is none
  int64_t validation_examples;
  double seconds;             // since training began
  double examples_per_second; // of training, since the milestone before
  double seconds_of_epoch;    // since this epoch began
  nnc_number const* rates;    // what each optimizer's `lr` was in the last step, whatever schedule gave it
  int64_t rate_count;
  nnc_table const* tables;
  int64_t table_count;
  nnc_table const* validation_tables;
  int64_t validation_table_count;
} nnc_milestone;

typedef struct nnc_train_options {
  size_t size;
  // How long. Totals, also for a resumed training; 0: what the train block says. A total that is reached already is an
  // error, unless the training was resumed: more_epochs, or more_steps, go on from where the session is.
  int64_t epochs, steps;
  // Beside what is done; they take the place of totals; 0: none. Of a stream whose epochs have no known length
  // more_epochs are whole ones, behind the one that runs.
  int64_t more_epochs, more_steps;
  int64_t in_order;       // examples come in the order of the file; 0: shuffled
  int64_t resume;         // go on from the file that `save` names; without such a file begin
  int64_t replan;         // of a resumed training: a schedule that reads `steps` is stretched to the new total
  int64_t go_on_when_bad; // 0: stop when a loss is not finite, or weights at the end of an epoch
  // File for a checkpoint; NULL: none. It is written at the end of the training, however that comes about, and at the
  // ends of epochs, every few seconds at most. Weights and states that are not finite never replace a file; one that
  // cannot be written is tried again later, and does not end the training.
  char const* save;
  nnc_data const* validation; // over which the milestones are measured; NULL: the rows that are held back
  int64_t save_every;         // and after every so many steps
  int64_t log_every;          // on_log after every so many steps; 0: after every epoch
  void* user;                 // the first argument of the callbacks, which may be NULL
  // Between slices of some tens of milliseconds. Not 0: stop here; nnc_session_train saves and returns NNC_OK.
  int32_t (*on_slice)(void* user, nnc_progress const*);
  // The other callbacks return 0, or something else when they failed: nnc_session_train then ends as NNC_CANCELLED.
  int32_t (*on_epoch)(void* user, nnc_milestone const*); // after each epoch, and at the end within one
  int32_t (*on_log)(void* user, nnc_milestone const*);   // see log_every
  // A line that whoever trains should read: numbers that were others in the file, a checkpoint that was not written.
  int32_t (*on_note)(void* user, char const* line);
  // File for a checkpoint of the best epoch so far, by the validation split; NULL: none. What is best: "max accuracy",
  // "min loss"; NULL: what the train block says with `save_best`, or else "min loss".
  char const *save_best, *best;
  // "3 of min loss": so many epochs without a better value over the validation split end the training. NULL: what the
  // train block says.
  char const* patience;
  // Keeps what is needed to make a step again: weights and states are copied and looked at after every slice, and where
  // one of them or a loss is not finite any more, the first such step is made again, for nnc_session_explain_bad.
  int64_t explain_bad;
} nnc_train_options;

// The strings belong to the session and live until it trains again.
typedef struct nnc_trained {
  size_t size;
  int64_t first_step;     // updates made before
  int64_t step, epoch;    // updates made, epochs finished, in total
  int64_t examples;       // of the training split
  int64_t stopped;        // on_slice said so, or nnc_session_cancel
  int64_t bad_step;       // the first step whose loss was not finite; 0: none; see nnc_session_explain_bad
  char const* not_finite; // which parameter or state is not finite at the end, and since when; "": none
  int64_t saved;          // the file holds the weights as they are now
  int64_t saves;          // how often it was written
  char const* save_error; // why it could not be written at the end; "": it could, or need not
  int64_t clamped;        // indices out of range that no column of the data explains
  int64_t zero_divided;   // integer divisions by zero (their results are 0)
  double seconds;
  int64_t best_epoch;      // of what save_best, or else patience, speaks of; 0: nothing does
  double best_value;       // in it
  char const* best_error;  // why the file of the best epoch does not hold it; "": it does, or need not
  int64_t out_of_patience; // that is what ended the training
} nnc_trained;

typedef enum {
  NNC_CAUSE_OPERATION = 0, // gave an infinity or a NaN, of operands that are finite
  NNC_CAUSE_DATA,          // held one in this batch
  NNC_CAUSE_WEIGHT,        // or a state was not finite before the step
  NNC_CAUSE_LITERAL,       // the program writes it
  NNC_CAUSE_ROUNDING       // the evaluator finds all numbers finite: a sum leaves the range on its way
} nnc_cause;

// The first step of a training behind which a loss, a weight or a state was not finite, and what made it so. What it
// points to belongs to the session and lives until nnc_session_explain_bad is called again.
typedef struct nnc_bad_step {
  size_t size;
  int64_t step, epoch; // both from 1
  char const* bad;     // "the loss 'loss'", "'dense.weight'", "the optimizer's 'm/dense.weight'"
  int64_t cause;       // an nnc_cause
  char const* name;    // "log", or that of the column, the parameter or the state
  char const* part;    // of an operation: "the gradient of sqrt", "the update of 'w'"; "": it is written
  char const* file;    // in the program; of a gradient the line that it is one of; "": nowhere
  int64_t line, column;
  int64_t const* index; // of the first element that is not finite; of data without the example
  int64_t rank;
  int64_t example;  // of the training split (of a stream: of the batch), where it is one's; else -1
  double value;     // an infinity or a NaN; of NNC_CAUSE_ROUNDING the largest number
  char const* text; // all of it for a person: the line with a caret, the operands with their ranges
} nnc_bad_step;

// Memory of a session that holds a parameter or a state; lives as long as the session (or one that shares its weights),
// current while no call runs.
typedef struct nnc_view {
  size_t size;
  char const* dtype;
  int64_t const* shape;
  int64_t rank;
  void* data;
  size_t bytes;
} nnc_view;

// Allocates and initialises the parameters, states and states of the optimizer. `options` may be NULL.
NNC_API nnc_status nnc_session_create(nnc_program const*, nnc_session_options const* options, nnc_session** out);
// A session of the same program that runs and evaluates with the other's weights, without a copy: one for each thread
// of a server. It can neither train nor replace weights; while one of them runs nobody may train the other.
NNC_API nnc_status nnc_session_sharing_weights(nnc_session const*, nnc_session_options const* options,
                                               nnc_session** out);
NNC_API nnc_status nnc_session_describe(nnc_session const*, nnc_session_info* out);
NNC_API void nnc_session_free(nnc_session*);

// One update on `batch` examples: every input and target of the program, each with batch times the elements of one
// example. Labels out of range are an error that names the input and the example; the update has then been made with
// the nearest label that exists. A schedule that reads `steps` needs to be told how many: by the train block, or by
// nnc_session_set_scalar. `reports` may be NULL.
NNC_API nnc_status nnc_session_step(nnc_session*, nnc_input const* inputs, int64_t count, int64_t batch,
                                    nnc_reports* reports);
// Steps by hand that follow belong to this pass over the data, from 1: what the program keeps `per epoch`, totals among
// it, begins anew, and `epoch` is that number. Without it all steps by hand are one pass. A training goes on behind the
// epochs in front of it.
NNC_API nnc_status nnc_session_begin_epoch(nnc_session*, int64_t epoch);
// Losses and metrics without an update, of the same inputs and targets.
NNC_API nnc_status nnc_session_evaluate(nnc_session*, nnc_input const* inputs, int64_t count, int64_t batch,
                                        nnc_reports* reports);
// The outputs of the program, in its order. Targets that no output needs may be left out.
NNC_API nnc_status nnc_session_run(nnc_session*, nnc_input const* inputs, int64_t count, int64_t batch,
                                   nnc_arrays** out);
// The same into memory of the caller, by the names of the outputs; outputs that are not named are not kept.
NNC_API nnc_status nnc_session_run_into(nnc_session*, nnc_input const* inputs, int64_t count, nnc_output const* outputs,
                                        int64_t output_count, int64_t batch);

// The same, checked now and called later, as often as one likes: a call takes what the buffers hold then, and neither
// allocates nor locks nor looks anything up. The buffers must live as long as calls are made. `reports` may be NULL; a
// run has none, and fills it with 0 values. Belongs to the session's one caller; freed before or after the session.
NNC_API nnc_status nnc_session_bind_step(nnc_session*, nnc_input const* inputs, int64_t count, int64_t batch,
                                         nnc_bound** out);
NNC_API nnc_status nnc_session_bind_run(nnc_session*, nnc_input const* inputs, int64_t count, nnc_output const* outputs,
                                        int64_t output_count, int64_t batch, nnc_bound** out);
NNC_API nnc_status nnc_bound_call(nnc_bound*, nnc_reports* reports);
NNC_API void nnc_bound_free(nnc_bound*);

// Trains on the training split without its validation rows. A batch that is larger than that is an error, and so are
// columns that do not fit and labels out of range, before anything is trained. Called again it goes on from where it
// is, to the totals of the options: within an epoch where the data handle is that of the call before, else with a new
// one. `options` and `out` may be NULL.
NNC_API nnc_status nnc_session_train(nnc_session*, nnc_data const*, nnc_train_options const* options, nnc_trained* out);
// What made a loss, a weight or a state infinite or NaN in the last nnc_session_train: the first such step is made again
// in the evaluator, an operation at a time. With nnc_train_options.explain_bad that has been done already. Without it
// the training is made again up to there, which takes as long as it took: to the same bits, as it began with the
// weights of the seed. An error where it began with others, where the data were a stream, and where everything stayed
// finite. Nothing of the session changes.
NNC_API nnc_status nnc_session_explain_bad(nnc_session*, nnc_bad_step* out);
// Losses and metrics over a part; an empty part is an error.
NNC_API nnc_status nnc_session_evaluate_data(nnc_session*, nnc_data const*, nnc_part, nnc_reports* reports);
// Makes the code for that now, so that what is wrong with it is an error now.
NNC_API nnc_status nnc_session_prepare_evaluation(nnc_session*, nnc_data const*, nnc_part);
// The outputs for every example, at most `limit` of them (0: all), computed for nnc_options.batch examples at a time. A
// program that has an output without `batch` in front sees all of them as one batch.
NNC_API nnc_status nnc_session_run_data(nnc_session*, nnc_data const*, nnc_part, int64_t limit, nnc_arrays** out);

// A parameter by its path ("dense.weight"), a state, or a state of the optimizer ("m/dense.weight"), copied into or
// from memory of the caller of exactly its dtype and its bytes.
NNC_API nnc_status nnc_session_parameter(nnc_session const*, nnc_output const* out);
NNC_API nnc_status nnc_session_set_parameter(nnc_session*, nnc_input const*);
// The memory itself. Who writes into it says nnc_session_changed before the next call. `shape` and `dtype` live as long
// as the session.
NNC_API nnc_status nnc_session_parameter_view(nnc_session*, char const* name, nnc_view* out);
NNC_API nnc_status nnc_session_changed(nnc_session*, char const* name);
// A number that only tunes ("adam.lr"), or "steps" or "epoch"; setting one compiles nothing anew.
NNC_API nnc_status nnc_session_scalar(nnc_session const*, char const* name, double* out);
NNC_API nnc_status nnc_session_set_scalar(nnc_session*, char const* name, double value);

// A checkpoint as safetensors: written to a temporary file, synced, renamed. An infinity or a NaN in a parameter or a
// state is an error that names it, unless any weights will do. `load` takes parameters, and states if there are any,
// from a safetensors file that has every one with its type, and no others, and leaves the rest of the session. Floats
// may be narrower in the file: f16 or bf16 for f32 or f64, and f32 for f64. `options` may be NULL.
NNC_API nnc_status nnc_session_save(nnc_session const*, char const* path, nnc_weights);
NNC_API nnc_status nnc_session_load(nnc_session*, char const* path);
NNC_API nnc_status nnc_session_load_with(nnc_session*, char const* path, nnc_load_options const* options);
// Everything that a training needs to go on to the same bits, the bytes that `save` writes; `restore` and `resume` put
// it back, and change nothing when they fail.
NNC_API nnc_status nnc_session_checkpoint(nnc_session const*, nnc_text** out);
NNC_API nnc_status nnc_session_restore(nnc_session*, void const* checkpoint, size_t bytes);
NNC_API nnc_status nnc_session_resume(nnc_session*, char const* path);
// SHA-256 over the parameters in order of their names, 64 hexadecimal digits.
NNC_API nnc_status nnc_session_digest(nnc_session const*, nnc_text** out);

// Ends the call that runs at this moment on another thread: nnc_session_train, which then returns NNC_OK with
// `stopped`; an evaluation, a run over data, a compilation that one of them waits for, which return NNC_CANCELLED.
// Nothing of the session is lost; without a call that runs nothing happens. May be called from a signal handler.
// NNC_ARGUMENT, without a text, for NULL.
NNC_API nnc_status nnc_session_cancel(nnc_session*);

#ifdef __cplusplus
}
#endif

#endif
