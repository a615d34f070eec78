using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace CsiLocal.Cli.Output;

/// <summary>Documents as text, and what they have more often than JSON's own writer offers.</summary>
internal static class JsonText
{
    // Quotes and umlauts as they are, since the documents never become part of a web page.
    private static readonly JsonWriterOptions Options = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Of(IJsonShape document) => Write(json => json.WriteShape(document));

    public static string Of(IReadOnlyList<IJsonShape> documents) => Write(json => json.WriteItems(documents));

    public static void WriteShapes(this Utf8JsonWriter json, string name, IReadOnlyList<IJsonShape> shapes)
    {
        json.WritePropertyName(name);
        json.WriteItems(shapes);
    }

    public static void WriteTexts(this Utf8JsonWriter json, string name, IReadOnlyList<string> texts)
    {
        json.WriteStartArray(name);
        foreach (var text in texts)
            json.WriteStringValue(text);
        json.WriteEndArray();
    }

    public static void WriteTime(this Utf8JsonWriter json, string name, DateTime? time)
    {
        if (time is { } known)
            json.WriteString(name, known);
        else
            json.WriteNull(name);
    }

    public static void WriteNumberOrNull(this Utf8JsonWriter json, string name, double? number)
    {
        if (number is { } known)
            json.WriteNumber(name, known);
        else
            json.WriteNull(name);
    }

    private static void WriteItems(this Utf8JsonWriter json, IReadOnlyList<IJsonShape> shapes)
    {
        json.WriteStartArray();
        foreach (var shape in shapes)
            json.WriteShape(shape);
        json.WriteEndArray();
    }

    private static void WriteShape(this Utf8JsonWriter json, IJsonShape shape)
    {
        json.WriteStartObject();
        shape.Write(json);
        json.WriteEndObject();
    }

    private static string Write(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, Options))
            write(json);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
