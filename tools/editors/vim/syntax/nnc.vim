" The language of nnc, by words; the grammar beside it knows more.
if exists("b:current_syntax")
  finish
endif

syntax keyword nncDeclaration import as const fn optimizer model train gradient
syntax keyword nncStatement param state input target output loss metric
syntax keyword nncControl if else for in scan emit return require carry axis
syntax keyword nncTraining minimize over with phase freeze fresh average
syntax keyword nncLogical and or not
syntax keyword nncConstant true false none pi inf nan
syntax keyword nncKnown batch training step steps epoch
syntax keyword nncType f64 f32 f16 bf16 i64 i32 i8 u8 bool float int
syntax match nncNumber "\<\d[0-9_]*\(\.\d[0-9_]*\)\=\([eE][+-]\=\d\+\)\="
syntax match nncTag "@\h\w*"
syntax match nncCall "\<\h\w*\ze("
syntax match nncCall "|>\s*\zs\h\w*"
syntax region nncString start=/"/ skip=/\\./ end=/"/ oneline contains=nncInterpolation
syntax region nncInterpolation start=/{/ end=/}/ oneline contained contains=TOP
syntax match nncComment "#.*$"
syntax match nncDocumentation "##.*$"

highlight default link nncDeclaration Structure
highlight default link nncStatement StorageClass
highlight default link nncControl Conditional
highlight default link nncTraining Keyword
highlight default link nncLogical Operator
highlight default link nncConstant Constant
highlight default link nncKnown Identifier
highlight default link nncType Type
highlight default link nncNumber Number
highlight default link nncTag Tag
highlight default link nncCall Function
highlight default link nncString String
highlight default link nncInterpolation Special
highlight default link nncComment Comment
highlight default link nncDocumentation SpecialComment

let b:current_syntax = "nnc"
