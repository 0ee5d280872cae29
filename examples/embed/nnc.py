"""nnc for Python: the C API by ctypes, arrays of numpy without a copy. One file; copy it where it is needed.

    import nnc, numpy
    program = nnc.Program(text)                              # or nnc.Program.open("mlp.nn", batch=64)
    session = nnc.Session(program)
    session.train(nnc.Data.from_columns({"image": images, "label": labels}), epochs=3, on_epoch=print)
    session.step({"image": pixels, "label": labels})         # {"loss": 0.53, "accuracy": 0.81}
    session.run({"image": pixels})["probs"]                  # an array of the library: f32[batch,10]
    session.parameter("dense.weight")[:] = 0                 # the memory of the session itself
    session.save("weights.safetensors")
    print(nnc.doc("dense"))                                  # what a word of the language means

Whatever goes wrong is raised as nnc.Failure; what a callback raises ends the call and is raised from it. Other threads
of Python run while a call lasts. The library is $NNC_LIBRARY, libnnc.so.1 beside this file, or that of the
system. bf16 has no type in numpy: such tensors come and go as uint16.
"""
import ctypes as C
import os
import weakref

import numpy as np

__all__ = ["BadStep", "Bound", "Column", "Data", "Failure", "Problem", "Program", "Reports", "Session", "Table", "Word",
           "build", "doc", "version", "words"]

_P, _I, _S, _D, _Z = C.c_void_p, C.c_int64, C.c_char_p, C.c_double, C.c_size_t


def _library():
    beside = os.path.join(os.path.dirname(os.path.abspath(__file__)), "libnnc.so.1")
    return C.CDLL(os.environ.get("NNC_LIBRARY") or (beside if os.path.exists(beside) else "libnnc.so.1"))


_lib = _library()

# ---- The structs of nnc.h ------------------------------------------------------------------------------------------


class _Struct(C.Structure):
    """Carries its size first, as the C API asks for."""
    def __init__(self, **fields):
        unknown = fields.keys() - {name for name, kind in self._fields_}
        if unknown:
            raise TypeError(f"there is no option '{unknown.pop()}'")
        super().__init__(size=C.sizeof(self), **fields)


def _struct(name, /, **fields):
    return type(name, (_Struct,), {"_fields_": [("size", _Z), *fields.items()]})


class _Number(C.Structure):
    _fields_ = [("name", _S), ("value", _D)]


class _Setting(C.Structure):
    _fields_ = [("name", _S), ("value", _S)]


class _Buffer(C.Structure):
    _fields_ = [("data", _P), ("rows", _I), ("bytes", _Z)]


_Numbers, _Shape = C.POINTER(_Number), C.POINTER(_I)


class _Table(C.Structure):
    _fields_ = [("name", _S), ("rows", C.POINTER(_S)), ("shape", _Shape), ("rank", _I), ("values", C.POINTER(_D)),
                ("count", _I)]


_Tables = C.POINTER(_Table)
_Release = C.CFUNCTYPE(None, _P)
_Problem = _struct("_Problem", file=_S, line=_I, column=_I, message=_S, help=_S, text=_S, notes=_I)
_Note = _struct("_Note", file=_S, line=_I, column=_I, message=_S)
_Array = _struct("_Array", name=_S, dtype=_S, shape=_Shape, rank=_I, data=_P, bytes=_Z)
_Input = _struct("_Input", name=_S, dtype=_S, data=_P, bytes=_Z)  # nnc_output has the same fields
_Column = _struct("_Column", name=_S, dtype=_S, shape=_Shape, rank=_I, data=_P, release=_Release, user=_P)
_Field = _struct("_Field", name=_S, dtype=_S, shape=_Shape, rank=_I)
_Next = C.CFUNCTYPE(_I, _P, _I, _I, C.POINTER(_Buffer), _I)
_Stream = _struct("_Stream", next=_Next, user=_P, release=_Release, name=_S, examples=_I, on_calling_thread=_I)
_DataInfo = _struct("_DataInfo", name=_S, summary=_S, note=_S, train_examples=_I, test_examples=_I, train_columns=_I,
                    test_columns=_I, files=_I)
_OnStage = C.CFUNCTYPE(C.c_int32, _P, _S, C.c_int32, _P)
_OnTime = C.CFUNCTYPE(None, _P, _S, _D, _I)
_OnImport = C.CFUNCTYPE(C.c_int32, _P, _S)
_OnTrace = C.CFUNCTYPE(None, _P, _S)
_Options = _struct("_Options", train_name=_S, set=C.POINTER(_Setting), set_count=_I, batch=_I, cpu=_S, target=_S,
                   data=_P, passes=C.POINTER(_S), pass_count=_I, without=C.POINTER(_S), without_count=_I, check_each=_I,
                   max_nodes=_I, max_errors=_I, werror=_I, user=_P, on_stage=_OnStage, on_time=_OnTime,
                   on_import=_OnImport, on_trace=_OnTrace)
_ProgramInfo = _struct("_ProgramInfo", summary=_S, inputs=_I, outputs=_I, parameters=_I, scalars=_I, constants=_I,
                       reports=_I, warnings=_I, can_train=_I, can_run=_I, batch=_I, validation=_I)
_Tensor = _struct("_Tensor", name=_S, dtype=_S, type=_S, shape=_Shape, rank=_I, is_target=_I)
_Constant = _struct("_Constant", name=_S, value=_D, file=_S, line=_I, column=_I, what=_S)
_ObjectOptions = _struct("_ObjectOptions", prefix=_S, weights=_S, rename=C.POINTER(_S), rename_count=_I)
_DataOptions = _struct("_DataOptions", folder=_S, checkpoint=_S, like=_P, new_classes=_I)
_LoadOptions = _struct("_LoadOptions", rename=C.POINTER(_S), rename_count=_I)
_SessionOptions = _struct("_SessionOptions", threads=_I, has_seed=_I, seed=C.c_uint64, max_memory=_I, uses=_I)
_SessionInfo = _struct("_SessionInfo", threads=_I, steps=_I, clamped=_I)
_Reports = _struct("_Reports", values=_Numbers, count=_I, examples=_I, bad_step=_I, zero_divided=_I, clamped=_I,
                   tables=_Tables, table_count=_I)
_Progress = _struct("_Progress", epoch=_I, epochs=_I, step=_I, steps=_I, done=_I, examples=_I, values=_Numbers,
                    count=_I, seconds=_D, examples_per_second=_D)
_Milestone = _struct("_Milestone", epoch=_I, step=_I, values=_Numbers, count=_I, validation=_Numbers,
                     validation_count=_I, validation_examples=_I, seconds=_D, examples_per_second=_D,
                     seconds_of_epoch=_D, rates=_Numbers, rate_count=_I, tables=_Tables, table_count=_I,
                     validation_tables=_Tables, validation_table_count=_I)
_OnSlice = C.CFUNCTYPE(C.c_int32, _P, C.POINTER(_Progress))
_OnMilestone = C.CFUNCTYPE(C.c_int32, _P, C.POINTER(_Milestone))
_OnNote = C.CFUNCTYPE(C.c_int32, _P, _S)
_TrainOptions = _struct("_TrainOptions", epochs=_I, steps=_I, more_epochs=_I, more_steps=_I, in_order=_I, resume=_I,
                        replan=_I, go_on_when_bad=_I, save=_S, validation=_P, save_every=_I, log_every=_I, user=_P,
                        on_slice=_OnSlice, on_epoch=_OnMilestone, on_log=_OnMilestone, on_note=_OnNote,
                        save_best=_S, best=_S, patience=_S, explain_bad=_I)
_BadStep = _struct("_BadStep", step=_I, epoch=_I, bad=_S, cause=_I, name=_S, part=_S, file=_S, line=_I, column=_I,
                   index=_Shape, rank=_I, example=_I, value=_D, text=_S)
_Trained = _struct("_Trained", first_step=_I, step=_I, epoch=_I, examples=_I, stopped=_I, bad_step=_I, not_finite=_S,
                   saved=_I, saves=_I, save_error=_S, clamped=_I, zero_divided=_I, seconds=_D, best_epoch=_I, best_value=_D,
                   best_error=_S, out_of_patience=_I)
_Build = _struct("_Build", version=_S, llvm=_S, target=_S, cpu=_S)
_Word = _struct("_Word", names=C.POINTER(_S), name_count=_I, kind=_S, form=_S, text=_S, example=_S)
_Choice = _struct("_Choice", name=_S, model=_S, trains=_I, file=_S, line=_I, column=_I)
_Layer = _struct("_Layer", path=_S, function=_S, depth=_I, types=C.POINTER(_S), type_count=_I, parameters=_I, trained=_I,
                 states=_I, flops=_D, file=_S, line=_I, column=_I)
_Holder = _struct("_Holder", kind=_S, name=_S, type=_S, bytes=_I, file=_S, line=_I, column=_I, also=C.POINTER(_S),
                  also_count=_I)
_OverviewInfo = _struct("_OverviewInfo", flops=_D, calls=_I, losses=_I, metrics=_I, trained=_I, states=_I, holders=_I,
                        settings=_I)
_View = _struct("_View", dtype=_S, shape=_Shape, rank=_I, data=_P, bytes=_Z)

# ---- The functions of nnc.h ----------------------------------------------------------------------------------------


def _function(name, *arguments, result=C.c_int):
    function = getattr(_lib, name)
    function.argtypes, function.restype = arguments, result
    return function


for _name in ("version", "error_text", "error_reproducer", "error_switches"):
    _function("nnc_" + _name, result=_S)
for _name in ("text", "arrays", "data", "program", "session", "bound", "choices", "overview"):
    _function(f"nnc_{_name}_free", _P, result=None)
_function("nnc_status_name", C.c_int, result=_S)
_function("nnc_error_problems", result=_I)
_function("nnc_error_problem", _I, _P)
_function("nnc_error_note", _I, _I, _P)
_function("nnc_describe_build", _P)
_function("nnc_word_count", result=_I)
_function("nnc_word_at", _I, _P)
_function("nnc_program_choices", _S, _S, _P)
_function("nnc_choices_count", _P, result=_I)
_function("nnc_choices_get", _P, _I, _P)
_function("nnc_program_overview", _P, _P)
_function("nnc_overview_describe", _P, _P)
for _name in ("call", "state", "holder", "setting"):
    _function("nnc_overview_" + _name, _P, _I, _P)
for _name in ("loss", "metric", "trained"):
    _function("nnc_overview_" + _name, _P, _I, result=_S)
_function("nnc_text_data", _P, result=_P)
_function("nnc_text_size", _P, result=_Z)
_function("nnc_arrays_count", _P, result=_I)
_function("nnc_arrays_get", _P, _I, _P)
_function("nnc_data_open", _S, _S, _P)
_function("nnc_data_open_with", _S, _P, _P)
_function("nnc_data_name", _P, _S, _I, result=_S)
_function("nnc_data_property", _P, _I, _P, result=_S)
_function("nnc_data_from_columns", _P, _I, _P, _I, _S, _P)
_function("nnc_data_from_batches", _P, _I, _P, _P)
_function("nnc_data_describe", _P, _P)
_function("nnc_data_column", _P, C.c_int, _I, _P)
_function("nnc_data_file", _P, _I, result=_S)
_function("nnc_data_class_name", _P, _I, result=_S)
_function("nnc_data_with_class_names", _P, _P, _I, _P)
_function("nnc_program_from_text", _S, _P, _S, _P)
_function("nnc_program_from_file", _S, _P, _P)
_function("nnc_program_describe", _P, _P)
for _name in ("input", "output", "parameter", "scalar", "constant", "warning"):
    _function("nnc_program_" + _name, _P, _I, _P)
_function("nnc_program_report", _P, _I, result=_S)
_function("nnc_program_warning_note", _P, _I, _I, _P)
_function("nnc_program_validation", _P, _P, _P)
_function("nnc_program_text", _P, _P)
_function("nnc_program_emit", _P, _S, _P)
_function("nnc_program_emit_object", _P, _P, _P, _P)
_function("nnc_stage_text", _P, _P)
for _name in ("stage_name", "emit_kind", "data_built_in"):
    _function("nnc_" + _name, _I, result=_S)
_function("nnc_session_create", _P, _P, _P)
_function("nnc_session_sharing_weights", _P, _P, _P)
_function("nnc_session_describe", _P, _P)
_function("nnc_session_step", _P, _P, _I, _I, _P)
_function("nnc_session_begin_epoch", _P, _I)
_function("nnc_session_evaluate", _P, _P, _I, _I, _P)
_function("nnc_session_run", _P, _P, _I, _I, _P)
_function("nnc_session_run_into", _P, _P, _I, _P, _I, _I)
_function("nnc_session_bind_step", _P, _P, _I, _I, _P)
_function("nnc_session_bind_run", _P, _P, _I, _P, _I, _I, _P)
_function("nnc_bound_call", _P, _P)
_function("nnc_session_train", _P, _P, _P, _P)
_function("nnc_session_explain_bad", _P, _P)
_function("nnc_session_evaluate_data", _P, _P, C.c_int, _P)
_function("nnc_session_prepare_evaluation", _P, _P, C.c_int)
_function("nnc_session_run_data", _P, _P, C.c_int, _I, _P)
_function("nnc_session_set_parameter", _P, _P)
_function("nnc_session_parameter_view", _P, _S, _P)
_function("nnc_session_changed", _P, _S)
_function("nnc_session_scalar", _P, _S, _P)
_function("nnc_session_set_scalar", _P, _S, _D)
_function("nnc_session_save", _P, _S, C.c_int)
for _name in ("load", "resume"):
    _function("nnc_session_" + _name, _P, _S)
_function("nnc_session_load_with", _P, _S, _P)
_function("nnc_session_checkpoint", _P, _P)
_function("nnc_session_restore", _P, _S, _Z)
_function("nnc_session_digest", _P, _P)
_function("nnc_session_cancel", _P)

_DTYPES = {"f64": "float64", "f32": "float32", "f16": "float16", "bf16": "uint16", "i64": "int64", "i32": "int32",
           "i8": "int8", "u8": "uint8", "bool": "bool"}
_NAMES = {np.dtype(theirs): ours for ours, theirs in _DTYPES.items()}
_PARTS = {"train": 0, "validation": 1, "all": 2, "test": 3}
_CAUSES = ("operation", "data", "weight", "literal", "rounding")
_USES = {"train": 1, "evaluate": 2, "run": 4}

# ---- Failures ------------------------------------------------------------------------------------------------------


class Problem:
    """One mistake, or a warning: file, line, column, message, help, text, notes as (file, line, column, message)."""
    def __init__(self, seen, notes):
        self.file, self.message, self.help, self.text = map(_str, (seen.file, seen.message, seen.help, seen.text))
        self.line, self.column, self.notes = seen.line, seen.column, notes

    def __repr__(self):
        return self.text


class Failure(Exception):
    """What the library refuses or cannot do. str() is the whole text for a person; `code` is "syntax", "data", ..."""
    def __init__(self, code, text, problems=(), reproducer="", switches=""):
        super().__init__(text)
        self.code, self.problems, self.reproducer, self.switches = code, list(problems), reproducer, switches


def _str(text):
    return (text or b"").decode("utf-8", "replace")


def _bytes(text):
    return None if text is None else os.fsencode(text)


def _problem(get, get_note, *at):
    seen, notes, note = _Problem(), [], _Note()
    get(*at, C.byref(seen))
    for i in range(seen.notes):
        get_note(*at, i, C.byref(note))
        notes.append((_str(note.file), note.line, note.column, _str(note.message)))
    return Problem(seen, notes)


def _last_failure(status):
    problems = [_problem(_lib.nnc_error_problem, _lib.nnc_error_note, i) for i in range(_lib.nnc_error_problems())]
    return Failure(_str(_lib.nnc_status_name(status)), _str(_lib.nnc_error_text()), problems,
                   _str(_lib.nnc_error_reproducer()), _str(_lib.nnc_error_switches()))


def _check(status):
    if status:
        raise _last_failure(status)


def version():
    """"0.2.0", of the library."""
    return _str(_lib.nnc_version())


def _of_text(function):
    def call(user, text):
        function(_str(text))
        return 0
    return call


class _Raised:
    """What the callbacks of a call raised: the first ends the call, and is raised behind it."""
    def __init__(self):
        self.error = None

    def wrap(self, kind, function, failed=-1):
        def call(*arguments):
            try:
                return function(*arguments)
            except BaseException as error:  # KeyboardInterrupt, too, must not be lost in C
                self.error = self.error or error
                return failed
        return kind(call)

    def check(self, status):
        error, self.error = self.error, None
        if error is not None:
            raise error
        _check(status)


# ---- Handles and memory --------------------------------------------------------------------------------------------

_kept = {}  # what the library holds of Python, until it calls _let_go with the key
_keys = iter(range(1, 1 << 62))


@_Release
def _let_go(key):
    _kept.pop(key, None)


def _keep(thing):
    key = next(_keys)
    _kept[key] = thing
    return key


class _Handle:
    """Owns a handle of the library, which is freed with the object, at the latest before the interpreter ends."""
    _free = None

    def _own(self, handle):
        self._handle = handle
        self._finalizer = weakref.finalize(self, getattr(_lib, self._free), handle)
        return self

    @property
    def _as_parameter_(self):
        return _P(self._handle)

    def close(self):
        """Frees it now; arrays over its memory are then nothing any more."""
        self._finalizer()
        self._handle = None


def _new(call, *arguments):
    """A call that gives a handle as its last argument."""
    handle = _P()
    _check(call(*arguments, C.byref(handle)))
    return handle.value


def _text(call, *arguments):
    return _taken(_new(call, *arguments))


def _taken(handle):
    """The bytes of an nnc_text, which is freed."""
    try:
        return C.string_at(_lib.nnc_text_data(handle), _lib.nnc_text_size(handle))
    finally:
        _lib.nnc_text_free(handle)


def _array(array):
    """As the library wants it: no copy when it is row-major and aligned already."""
    return np.require(array, requirements=["C", "A"])


def _name_of(dtype):
    """nnc's name of one of its own or of numpy's dtypes. "i8" is nnc's: one byte."""
    if dtype in _DTYPES:
        return dtype
    if np.dtype(dtype) not in _NAMES:
        raise TypeError(f"no dtype of nnc is {np.dtype(dtype)}")
    return _NAMES[np.dtype(dtype)]


def _dtype(array):
    return _name_of(array.dtype).encode()


def _shape(extents):
    return (_I * max(1, len(extents)))(*extents)


def _memory(seen, owner, writable=False):
    """An array over memory of the library, which `owner` keeps."""
    shape = [seen.shape[i] for i in range(seen.rank)]
    dtype = np.dtype(_DTYPES[_str(seen.dtype)])
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    if size == 0:
        return np.empty(shape, dtype)
    memory = (C.c_uint8 * size).from_address(seen.data)
    memory._owner = owner
    array = np.frombuffer(memory, dtype).reshape(shape)
    array.flags.writeable = writable
    return array


def _numbers(numbers, count):
    return {_str(numbers[i].name): numbers[i].value for i in range(count)}


class Table(np.ndarray):
    """A metric of several numbers; `rows`: what its rows are called, or None: numbers from 0."""
    rows = None


def _table(seen):
    table = np.array(seen.values[:seen.count]).reshape(seen.shape[:seen.rank]).view(Table)
    if seen.rows:
        table.rows = _texts(seen.rows, seen.shape[0])
    return table


def _tables(tables, count):
    return {_str(t.name): _table(t) for t in (tables[:count] if count else [])}


def _texts(texts, count):
    return [_str(text) for text in (texts[:count] if count else [])]


class Reports(dict):
    """Losses and metrics by name; `examples`, `bad_step`, `zero_divided`, `clamped` beside them, and `tables`: metrics of
    several numbers by name, each a Table."""
    def __init__(self, seen):
        super().__init__(_numbers(seen.values, seen.count))
        self.tables = _tables(seen.tables, seen.table_count)
        self.examples, self.bad_step = seen.examples, seen.bad_step
        self.zero_divided, self.clamped = seen.zero_divided, seen.clamped


class _Seen:
    """The fields of a struct, as Python has them."""
    def __init__(self, seen):
        for name, kind in seen._fields_[1:]:
            value = getattr(seen, name)
            if kind is _S:
                value = _str(value)
            elif kind is _Numbers:
                count = {"validation": "validation_count", "rates": "rate_count"}.get(name, "count")
                value = _numbers(value, getattr(seen, count))
            elif kind is C.POINTER(_S):
                count = {"names": "name_count", "types": "type_count"}.get(name, name + "_count")
                value = _texts(value, getattr(seen, count))
            elif kind is _Tables:
                value = _tables(value, getattr(seen, name[:-1] + "_count"))
            if name != "count" and not name.endswith("_count"):
                setattr(self, name, value)

    def __repr__(self):
        return " ".join(f"{name}={value!r}" for name, value in vars(self).items())


class Tensor(_Seen):
    """An input, an output, a parameter: name, dtype, type, shape (-1: the batch), is_target."""
    def __init__(self, seen):
        super().__init__(seen)
        self.shape = tuple(seen.shape[i] for i in range(seen.rank))


# ---- What can be asked without a program ---------------------------------------------------------------------------


class Word(_Seen):
    """A word of the language: names, kind, form, text, example. str() is what `nnc --doc` says."""
    def __str__(self):
        return "\n\n".join(part for part in (self.form, self.text, self.example) if part)


def words():
    """All words of the language, then those of Python, NumPy, PyTorch, Keras, JAX and C (kind "elsewhere")."""
    found, seen = [], _Word()
    for i in range(_lib.nnc_word_count()):
        _check(_lib.nnc_word_at(i, C.byref(seen)))
        found.append(Word(seen))
    return found


def doc(name):
    """What a word means: doc("dense"), doc("Conv2d")."""
    for word in words():
        if name in word.names:
            return word
    raise KeyError(f"the language has no word '{name}'")


def build():
    """The library and its machine: version, llvm, target, cpu."""
    seen = _Build()
    _check(_lib.nnc_describe_build(C.byref(seen)))
    return _Seen(seen)


class BadStep(_Seen):
    """The step behind which something is not finite: step, epoch, bad, cause ("operation", "data", "weight", "literal",
    "rounding"), name, part, file, line, column, index, example, value. str() is all of it for a person."""
    def __init__(self, seen):
        super().__init__(seen)
        self.index = tuple(seen.index[i] for i in range(seen.rank))
        self.cause = _CAUSES[seen.cause]

    def __str__(self):
        return self.text


# ---- Data ----------------------------------------------------------------------------------------------------------


class Data(_Handle):
    """Named columns, in a training and a test split."""
    _free = "nnc_data_free"

    @classmethod
    def open(cls, words, folder=None, checkpoint=None, like=None, new_classes=False):
        """ "mnist", "fashion", a file, a folder, or "image=FILE,label=FILE:COLUMN", and options behind them:
        "table.csv,target=species,test=0.2" (examples/data.md). `checkpoint` (a file) or `like` (a Data): the data continue
        those of a training, whose categories, vocabularies and forms they take; `new_classes`: but for the categories."""
        options = _DataOptions(folder=_bytes(folder), checkpoint=_bytes(checkpoint), like=like and like._handle,
                               new_classes=new_classes)
        return cls()._own(_new(_lib.nnc_data_open_with, _bytes(words), C.byref(options)))

    @classmethod
    def from_columns(cls, train, test=None, name="memory"):
        """Arrays by name, examples first. They are not copied (unless they are not row-major) and kept as long as the
        library needs them."""
        keys = []
        try:
            first, second = cls._columns(train or {}, keys), cls._columns(test or {}, keys)
            handle = _new(_lib.nnc_data_from_columns, first, len(first), second, len(second), name.encode())
        except BaseException:
            for key in keys:
                _kept.pop(key)
            raise
        return cls()._own(handle)

    @staticmethod
    def _columns(arrays, keys):
        columns = []
        for name, array in arrays.items():
            array = _array(array)
            keys.append(_keep(array))
            columns.append(_Column(name=name.encode(), dtype=_dtype(array), shape=_shape(array.shape), rank=array.ndim,
                                   data=array.ctypes.data, release=_let_go, user=keys[-1]))
        return (_Column * len(columns))(*columns)

    @classmethod
    def from_batches(cls, fields, next, examples=0, name="stream", own_thread=True):
        """`fields`: {"image": ("u8", (28, 28)), "label": ("i32", ())}, what one example is. next(epoch, batch, buffers)
        fills the arrays in `buffers`, a dict, and says how many rows it has filled; 0: the epoch has ended."""
        names, shapes = list(fields), [tuple(shape) for dtype, shape in fields.values()]
        kinds = [_name_of(dtype) for dtype, shape in fields.values()]
        raised = _Raised()

        def fill(user, epoch, batch, buffers, count):
            arrays = {}
            for i in range(count):
                memory = (C.c_uint8 * buffers[i].bytes).from_address(buffers[i].data)
                arrays[names[i]] = np.frombuffer(memory, _DTYPES[kinds[i]]).reshape((buffers[i].rows, *shapes[i]))
            return int(next(epoch, batch, arrays))
        call = raised.wrap(_Next, fill)
        native = (_Field * max(1, len(names)))(*[
            _Field(name=names[i].encode(), dtype=kinds[i].encode(), shape=_shape(shapes[i]), rank=len(shapes[i]))
            for i in range(len(names))])
        key = _keep(call)
        stream = _Stream(next=call, user=key, release=_let_go, name=name.encode(), examples=examples,
                         on_calling_thread=not own_thread)
        try:
            data = cls()._own(_new(_lib.nnc_data_from_batches, native, len(names), C.byref(stream)))
        except BaseException:
            _kept.pop(key)
            raise
        data._raised = raised
        return data

    _raised = None

    def _describe(self):
        info = _DataInfo()
        _check(_lib.nnc_data_describe(self, C.byref(info)))
        return info

    def _split(self, part, count):
        columns = {}
        for i in range(count):
            seen = _Column()
            _check(_lib.nnc_data_column(self, part, i, C.byref(seen)))
            columns[_str(seen.name)] = _memory(seen, self)
        return columns

    train = property(lambda self: self._split(2, self._describe().train_columns), doc="its arrays, by name")
    test = property(lambda self: self._split(3, self._describe().test_columns), doc="its arrays, by name")
    name = property(lambda self: _str(self._describe().name))
    summary = property(lambda self: _str(self._describe().summary))
    note = property(lambda self: _str(self._describe().note))
    train_examples = property(lambda self: self._describe().train_examples)
    test_examples = property(lambda self: self._describe().test_examples)
    class_names = property(lambda self: _names(lambda i: _lib.nnc_data_class_name(self, i)), doc="by number; []: unknown")

    def names_of(self, column):
        """What the numbers of a column mean, by number: its categories or its vocabulary; []: they are numbers."""
        return _names(lambda i: _lib.nnc_data_name(self, column.encode(), i))

    @property
    def properties(self):
        """What model arguments and dimensions of these names take: {"classes": 10}."""
        found, value = {}, _I()
        while name := _lib.nnc_data_property(self, len(found), C.byref(value)):
            found[_str(name)] = value.value
        return found

    def with_class_names(self, names):
        """The same data; rows of metrics with as many rows are called so."""
        texts = (_S * max(1, len(names)))(*[name.encode() for name in names])
        named = type(self)()._own(_new(_lib.nnc_data_with_class_names, self, texts, len(names)))
        named._raised = self._raised
        return named

    files = property(lambda self: [_str(_lib.nnc_data_file(self, i)) for i in range(self._describe().files)])


# ---- Programs ------------------------------------------------------------------------------------------------------


class _Choices(_Handle):
    _free = "nnc_choices_free"


class _OverviewHandle(_Handle):
    _free = "nnc_overview_free"


class Overview:
    """A program in numbers. `calls`: path, function, depth, types, parameters, trained, states, flops, ...; `holders` of
    memory: kind, name, type, bytes, ..., the largest first; `settings`: a dict of texts."""
    def __init__(self, handle):
        info = _OverviewInfo()
        _check(_lib.nnc_overview_describe(handle, C.byref(info)))
        self.flops = info.flops
        self.calls = self._all(_lib.nnc_overview_call, handle, info.calls, _Layer, _Seen)
        self.states = self._all(_lib.nnc_overview_state, handle, info.states, _Tensor, Tensor)
        self.holders = self._all(_lib.nnc_overview_holder, handle, info.holders, _Holder, _Seen)
        for name, at in ("losses", _lib.nnc_overview_loss), ("metrics", _lib.nnc_overview_metric), (
                "trained", _lib.nnc_overview_trained):
            setattr(self, name, _names(lambda i: at(handle, i)))
        settings = [_Setting() for _ in range(info.settings)]
        for i, setting in enumerate(settings):
            _check(_lib.nnc_overview_setting(handle, i, C.byref(setting)))
        self.settings = {_str(s.name): _str(s.value) for s in settings}

    @staticmethod
    def _all(get, handle, count, struct, kind):
        found, seen = [], struct()
        for i in range(count):
            _check(get(handle, i, C.byref(seen)))
            found.append(kind(seen))
        return found


class Program(_Handle):
    """A compiled program. Settings ("hidden", "adam.lr", ...) are given as set={"hidden": 64}."""
    _free = "nnc_program_free"

    def __init__(self, text, name="program.nn", **options):
        self._compile(_lib.nnc_program_from_text, (text.encode(),), (_bytes(name),), options)

    @classmethod
    def open(cls, path, **options):
        """The text of a program in a file, or, when its name ends in ".ir", a module."""
        return cls.__new__(cls)._compile(_lib.nnc_program_from_file, (_bytes(path),), (), options)

    def _compile(self, call, before, behind, options):
        native, raised = self._options(**options)
        handle = _P()
        status = call(*before, C.byref(native), *behind, C.byref(handle))
        if handle.value:
            self._own(handle.value)
        self._callbacks = native  # on_time may be called later: when code is made
        raised.check(status)
        return self

    @staticmethod
    def _options(train_name=None, set=None, batch=0, cpu=None, target=None, data=None, passes=None,
                 without=(), check_each=False, max_nodes=0, max_errors=0, werror=False, on_stage=None, on_time=None,
                 on_import=None, on_trace=None):
        raised = _Raised()
        settings = [(name.encode(), _value(value)) for name, value in (set or {}).items()]
        texts = lambda names: (_S * max(1, len(names)))(*[name.encode() for name in names])
        native = _Options(train_name=_bytes(train_name), set=(_Setting * max(1, len(settings)))(*settings),
                          set_count=len(settings), batch=batch, cpu=_bytes(cpu), target=_bytes(target),
                          data=data and data._handle, without=texts(without), without_count=len(without),
                          check_each=check_each, max_nodes=max_nodes, max_errors=max_errors, werror=werror)
        if passes is not None:
            native.passes, native.pass_count = texts(passes), len(passes)
        if on_stage:
            def stage(user, name, changed, seen):
                on_stage(_str(name), bool(changed), lambda: _text(_lib.nnc_stage_text, seen).decode())
                return 0
            native.on_stage = raised.wrap(_OnStage, stage)
        if on_time:
            native.on_time = raised.wrap(
                _OnTime, lambda user, name, milliseconds, nodes: on_time(_str(name), milliseconds, nodes), None)
        if on_import:
            native.on_import = raised.wrap(_OnImport, _of_text(on_import))
        if on_trace:
            native.on_trace = raised.wrap(_OnTrace, lambda user, line: on_trace(_str(line)), None)
        return native, raised

    @classmethod
    def dump(cls, text, stage, **options):
        """The module after a stage, as text: "elaborate", or the name of a pass."""
        found = {}

        def look(name, changed, seen):
            if name == stage:
                found[stage] = seen()
        cls(text, on_stage=look, **options)
        if stage not in found:
            raise KeyError(f"no stage '{stage}', only {', '.join(cls.stages())}")
        return found[stage]

    @staticmethod
    def choices(text, name="program.nn"):
        """What `train_name` may say of a text: name, model, trains, file, line, column."""
        choices, found, seen = _Choices()._own(_new(_lib.nnc_program_choices, text.encode(), _bytes(name))), [], _Choice()
        for i in range(_lib.nnc_choices_count(choices)):
            _check(_lib.nnc_choices_get(choices, i, C.byref(seen)))
            found.append(_Seen(seen))
        return found

    def overview(self):
        """The program in numbers, what `nnc FILE` shows: flops, calls, losses, metrics, trained, states, holders (of
        memory), settings."""
        return Overview(_OverviewHandle()._own(_new(_lib.nnc_program_overview, self)))

    @staticmethod
    def stages():
        return _names(_lib.nnc_stage_name)

    def _describe(self):
        info = _ProgramInfo()
        _check(_lib.nnc_program_describe(self, C.byref(info)))
        return info

    def _tensors(self, what):
        tensors, seen = [], _Tensor()
        for i in range(getattr(self._describe(), what + "s")):
            _check(getattr(_lib, "nnc_program_" + what)(self, i, C.byref(seen)))
            tensors.append(Tensor(seen))
        return tensors

    inputs = property(lambda self: self._tensors("input"), doc="in the order in which columns bind, then targets")
    outputs = property(lambda self: self._tensors("output"))
    parameters = property(lambda self: self._tensors("parameter"))
    summary = property(lambda self: _str(self._describe().summary))
    reports = property(lambda self: _names(lambda i: _lib.nnc_program_report(self, i)), doc="losses, then metrics")
    can_train = property(lambda self: bool(self._describe().can_train))
    can_run = property(lambda self: bool(self._describe().can_run))
    batch = property(lambda self: self._describe().batch, doc="examples per update")

    @property
    def scalars(self):
        """The numbers that only tune, with the values that the text gives them."""
        numbers = [_Number() for _ in range(self._describe().scalars)]
        for i, number in enumerate(numbers):
            _check(_lib.nnc_program_scalar(self, i, C.byref(number)))
        return {_str(number.name): number.value for number in numbers}

    @property
    def constants(self):
        """The numbers that it is compiled with: name, value, file, line, column, what."""
        constants, seen = [], _Constant()
        for i in range(self._describe().constants):
            _check(_lib.nnc_program_constant(self, i, C.byref(seen)))
            constants.append(_Seen(seen))
        return constants

    @property
    def warnings(self):
        return [_problem(_lib.nnc_program_warning, _lib.nnc_program_warning_note, self, i)
                for i in range(self._describe().warnings)]

    def validation(self, data=None):
        """Rows at the end of the training split that are held back."""
        if data is None:
            return self._describe().validation
        count = _I()
        _check(_lib.nnc_program_validation(self, data, C.byref(count)))
        return count.value

    def text(self):
        """The module after the last pass."""
        return _text(_lib.nnc_program_text, self).decode()

    def emit(self, kind):
        """ "ir", "loops", "llvm", "asm" as str, "object" as bytes."""
        made = _text(_lib.nnc_program_emit, self, kind.encode())
        return made if kind == "object" else made.decode()

    def emit_object(self, prefix=None, weights=None, rename=()):
        """The program for hosts without nnc: the object as bytes, its header as str. `weights`: safetensors to hold."""
        options = _ObjectOptions(prefix=_bytes(prefix), weights=_bytes(weights), **_rules(rename))
        object, header = _P(), _P()
        _check(_lib.nnc_program_emit_object(self, C.byref(options), C.byref(object), C.byref(header)))
        return _taken(object), _taken(header).decode()


def _rules(rename):
    return {"rename": (_S * len(rename))(*[_bytes(rule) for rule in rename]), "rename_count": len(rename)}


def _value(value):
    return str(value).lower().encode() if isinstance(value, bool) else str(value).encode()


def _names(at):
    names = []
    while (name := at(len(names))) is not None:
        names.append(_str(name))
    return names


# ---- Sessions ------------------------------------------------------------------------------------------------------


def _buffers(arrays):
    """nnc_input or nnc_output for each array; the arrays themselves must be kept by the caller."""
    return (_Input * max(1, len(arrays)))(*[
        _Input(name=name.encode(), dtype=_dtype(array), data=array.ctypes.data, bytes=array.nbytes)
        for name, array in arrays.items()])


def _inputs(arrays):
    return {name: _array(array) for name, array in arrays.items()}


def _in_place(arrays):
    """Of which no copy would do; a dict of its own, since the caller may change his."""
    for name, array in arrays.items():
        if not (array.flags.c_contiguous and array.flags.aligned):
            raise ValueError(f"'{name}' must be row-major and aligned: it is used in place")
    return dict(arrays)


def _outputs(arrays):
    for name, array in arrays.items():
        if not array.flags.writeable:
            raise ValueError(f"'{name}' must be writable: it is written in place")
    return _in_place(arrays)


def _batch(arrays, batch):
    """Unless it is said, as many examples as the first array has."""
    return batch if batch is not None else len(next(iter(arrays.values()))) if arrays else 1


class _Arrays(_Handle):
    _free = "nnc_arrays_free"


def _results(handle):
    """The arrays by name; each keeps the handle that owns their memory."""
    owner, found, seen = _Arrays()._own(handle), {}, _Array()
    for i in range(_lib.nnc_arrays_count(owner)):
        _check(_lib.nnc_arrays_get(owner, i, C.byref(seen)))
        found[_str(seen.name)] = _memory(seen, owner, writable=True)
    return found


class Bound(_Handle):
    """A step or a run on arrays that were checked once; call it as often as you like."""
    _free = "nnc_bound_free"
    _with_reports = False

    def __call__(self):
        if not self._with_reports:
            return _check(_lib.nnc_bound_call(self, None))
        _check(_lib.nnc_bound_call(self, C.byref(self._seen)))
        return Reports(self._seen)


class Session(_Handle):
    """The parameters, memory and threads of a program; one caller at a time. `uses`: of "train", "evaluate", "run"."""
    _free = "nnc_session_free"

    def __init__(self, program, threads=0, seed=None, max_memory=0, uses=()):
        self._own(_new(_lib.nnc_session_create, program, C.byref(self._options(threads, seed, max_memory, uses))))
        self._program = program

    @staticmethod
    def _options(threads, seed, max_memory, uses):
        return _SessionOptions(threads=threads, has_seed=seed is not None, seed=seed or 0, max_memory=max_memory,
                               uses=sum(_USES[use] for use in uses))

    def sharing_weights(self, threads=0, max_memory=0, uses=()):
        """A session that runs and evaluates with this one's weights, without a copy."""
        made = Session.__new__(Session)
        options = self._options(threads, None, max_memory, uses)
        made._own(_new(_lib.nnc_session_sharing_weights, self, C.byref(options)))
        made._program = self._program
        return made

    def _info(self):
        info = _SessionInfo()
        _check(_lib.nnc_session_describe(self, C.byref(info)))
        return info

    threads = property(lambda self: self._info().threads)
    steps = property(lambda self: self._info().steps, doc="updates made so far")
    clamped = property(lambda self: self._info().clamped, doc="indices out of range in the last run")

    def step(self, inputs, batch=None):
        """One update on these examples; its losses and metrics."""
        inputs, seen = _inputs(inputs), _Reports()
        _check(_lib.nnc_session_step(self, _buffers(inputs), len(inputs), _batch(inputs, batch), C.byref(seen)))
        return Reports(seen)

    def begin_epoch(self, epoch):
        """Steps by hand that follow belong to this pass over the data, from 1: totals and states `per epoch` begin anew."""
        _check(_lib.nnc_session_begin_epoch(self, epoch))

    def evaluate(self, what, part="test", batch=None):
        """Losses and metrics over a part of a Data, or over arrays by name."""
        seen = _Reports()
        if isinstance(what, Data):
            self._with_data(what, _lib.nnc_session_evaluate_data(self, what, _PARTS[part], C.byref(seen)))
        else:
            inputs = _inputs(what)
            _check(_lib.nnc_session_evaluate(self, _buffers(inputs), len(inputs), _batch(inputs, batch), C.byref(seen)))
        return Reports(seen)

    def prepare_evaluation(self, data, part="test"):
        _check(_lib.nnc_session_prepare_evaluation(self, data, _PARTS[part]))

    def run(self, what, part="test", limit=0, batch=None, into=None):
        """The outputs by name: over a part of a Data, or over arrays by name; `into`: arrays that are written."""
        if isinstance(what, Data):
            handle = _P()
            self._with_data(what, _lib.nnc_session_run_data(self, what, _PARTS[part], limit, C.byref(handle)))
            return _results(handle.value)
        inputs = _inputs(what)
        count = _batch(inputs, batch)
        if into is None:
            return _results(_new(_lib.nnc_session_run, self, _buffers(inputs), len(inputs), count))
        _outputs(into)
        _check(_lib.nnc_session_run_into(self, _buffers(inputs), len(inputs), _buffers(into), len(into), count))
        return into

    def bind_step(self, inputs, batch=None):
        """The arrays must be row-major: each call takes what they hold then."""
        inputs = _in_place(inputs)
        bound = Bound()._own(_new(_lib.nnc_session_bind_step, self, _buffers(inputs), len(inputs),
                                  _batch(inputs, batch)))
        bound._with_reports, bound._seen, bound._kept = True, _Reports(), (self, inputs)
        return bound

    def bind_run(self, inputs, into, batch=None):
        inputs, into = _in_place(inputs), _outputs(into)
        bound = Bound()._own(_new(_lib.nnc_session_bind_run, self, _buffers(inputs), len(inputs), _buffers(into),
                                  len(into), _batch(inputs, batch)))
        bound._kept = self, inputs, into
        return bound

    def train(self, data, *, shuffle=True, stop_on_bad=True, save=None, save_best=None, best=None, patience=None,
              validation=None, on_slice=None, on_epoch=None, on_log=None, on_note=None, **options):
        """Trains on a Data. `options`: epochs, steps, more_epochs, more_steps, resume, replan, save_every, log_every,
        explain_bad.
        on_slice(progress) ends the training when it returns False; Ctrl-C does so, too, and is raised afterwards."""
        raised = _Raised()
        native = _TrainOptions(in_order=not shuffle, go_on_when_bad=not stop_on_bad, save=_bytes(save),
                               save_best=_bytes(save_best), best=_bytes(best), patience=_bytes(patience),
                               validation=validation and validation._handle, **options)
        native.on_slice = raised.wrap(
            _OnSlice, lambda user, seen: bool(on_slice) and on_slice(_Seen(seen.contents)) is False)
        for name, function in ("on_epoch", on_epoch), ("on_log", on_log):
            if function:
                setattr(native, name, raised.wrap(_OnMilestone, _milestone(function)))
        if on_note:
            native.on_note = raised.wrap(_OnNote, _of_text(on_note))
        trained = _Trained()
        self._with_data(data, _lib.nnc_session_train(self, data, C.byref(native), C.byref(trained)), raised)
        return _Seen(trained)

    def explain_bad(self):
        """What made a loss, a weight or a state infinite or NaN in the last `train`; print(it) shows it. Without
        train(..., explain_bad=True) the training is made again, as far as it began with the weights of the seed."""
        bad = _BadStep()
        _check(_lib.nnc_session_explain_bad(self, C.byref(bad)))
        return BadStep(bad)

    def _with_data(self, data, status, raised=None):
        """What a stream or a callback raised comes before the status that came of it."""
        for source in (data._raised, raised):
            if source and source.error is not None:
                source.check(status)
        _check(status)

    def parameter(self, name):
        """The memory of a parameter or a state, as an array; who writes into it calls `changed`."""
        seen = _View()
        _check(_lib.nnc_session_parameter_view(self, name.encode(), C.byref(seen)))
        return _memory(seen, self, writable=True)

    def set_parameter(self, name, array):
        array = _array(array)
        if array.shape != self.parameter(name).shape:
            raise ValueError(f"'{name}' has the shape {self.parameter(name).shape}, not {array.shape}")
        _check(_lib.nnc_session_set_parameter(self, _buffers({name: array})))

    def changed(self, name):
        _check(_lib.nnc_session_changed(self, name.encode()))

    def scalar(self, name):
        value = _D()
        _check(_lib.nnc_session_scalar(self, name.encode(), C.byref(value)))
        return value.value

    def set_scalar(self, name, value):
        _check(_lib.nnc_session_set_scalar(self, name.encode(), value))

    def save(self, path, any_weights=False):
        _check(_lib.nnc_session_save(self, _bytes(path), any_weights))

    def load(self, path, rename=()):
        """Parameters and states from safetensors; `rename`: rules such as "fc*.weight=dense_*.weight^T"."""
        options = _LoadOptions(**_rules(rename))
        _check(_lib.nnc_session_load_with(self, _bytes(path), C.byref(options)))

    def resume(self, path):
        """All of a checkpoint, so that a training goes on to the same bits."""
        _check(_lib.nnc_session_resume(self, _bytes(path)))

    def checkpoint(self):
        """The bytes that `save` writes."""
        return _text(_lib.nnc_session_checkpoint, self)

    def restore(self, checkpoint):
        checkpoint = bytes(checkpoint)
        _check(_lib.nnc_session_restore(self, checkpoint, len(checkpoint)))

    def digest(self):
        """SHA-256 over the parameters."""
        return _text(_lib.nnc_session_digest, self).decode()

    def cancel(self):
        """From another thread, or a signal handler: ends the call that runs at this moment."""
        _lib.nnc_session_cancel(self)


def _milestone(function):
    def call(user, seen):
        function(_Seen(seen.contents))
        return 0
    return call
