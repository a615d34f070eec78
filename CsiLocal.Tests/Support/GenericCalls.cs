using System.Collections.Immutable;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace CsiLocal.Tests.Support;

/// <summary>A call of a generic method of LINQ, as compiled: value types of its arguments are marked by <see cref="Value"/>.</summary>
internal sealed record GenericCall(string Method, IReadOnlyList<string> Arguments)
{
    public const string Value = "struct ";

    public override string ToString() => $"{Method}<{string.Join(", ", Arguments)}>";

    /// <summary>The generic methods of <see cref="Enumerable"/> that an assembly names, each instantiation once.</summary>
    public static IReadOnlyList<GenericCall> OfLinq(string assembly)
    {
        using var file = new PEReader(File.OpenRead(assembly));
        var metadata = file.GetMetadataReader();
        var names = new TypeNames();
        var calls = new List<GenericCall>();
        for (var row = 1; row <= metadata.GetTableRowCount(TableIndex.MethodSpec); row++)
        {
            var instantiation = metadata.GetMethodSpecification(MetadataTokens.MethodSpecificationHandle(row));
            if (instantiation.Method.Kind != HandleKind.MemberReference)
                continue;
            var method = metadata.GetMemberReference((MemberReferenceHandle)instantiation.Method);
            if (method.Parent.Kind == HandleKind.TypeReference
                && metadata.StringComparer.Equals(metadata.GetTypeReference((TypeReferenceHandle)method.Parent).Name, nameof(Enumerable)))
                calls.Add(new GenericCall(metadata.GetString(method.Name), instantiation.DecodeSignature(names, null)));
        }

        return calls;
    }

    private sealed class TypeNames : ISignatureTypeProvider<string, object?>
    {
        private const byte ValueType = 0x11;

        public string GetPrimitiveType(PrimitiveTypeCode code) =>
            code is PrimitiveTypeCode.String or PrimitiveTypeCode.Object ? code.ToString() : Value + code;

        public string GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind) =>
            Mark(rawTypeKind) + reader.GetString(reader.GetTypeDefinition(handle).Name);

        public string GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind) =>
            Mark(rawTypeKind) + reader.GetString(reader.GetTypeReference(handle).Name);

        public string GetTypeFromSpecification(MetadataReader reader, object? context, TypeSpecificationHandle handle, byte rawTypeKind) =>
            reader.GetTypeSpecification(handle).DecodeSignature(this, context);

        public string GetGenericInstantiation(string type, ImmutableArray<string> arguments) =>
            $"{type}<{string.Join(", ", arguments).Replace(Value, "", StringComparison.Ordinal)}>";

        public string GetSZArrayType(string element) => $"{Plain(element)}[]";

        public string GetArrayType(string element, ArrayShape shape) => $"{Plain(element)}[,]";

        public string GetByReferenceType(string element) => $"{element}&";

        public string GetPointerType(string element) => $"{element}*";

        public string GetPinnedType(string element) => element;

        public string GetModifiedType(string modifier, string type, bool isRequired) => type;

        public string GetFunctionPointerType(MethodSignature<string> signature) => "function";

        public string GetGenericMethodParameter(object? context, int index) => $"T{index}";

        public string GetGenericTypeParameter(object? context, int index) => $"T{index}";

        private static string Mark(byte rawTypeKind) => rawTypeKind == ValueType ? Value : "";

        private static string Plain(string type) => type.Replace(Value, "", StringComparison.Ordinal);
    }
}
