using System.Buffers;

namespace Grpc.Core;

/// <summary>Where a serializer puts a message: either length, writer and <see cref="Complete()"/>, or the whole payload at once.</summary>
internal abstract class SerializationContext
{
    public abstract void SetPayloadLength(int payloadLength);

    public abstract IBufferWriter<byte> GetBufferWriter();

    public abstract void Complete();

    public abstract void Complete(byte[] payload);
}

/// <summary>Where a deserializer takes a message from. The sequence is valid only until the deserializer returns.</summary>
internal abstract class DeserializationContext
{
    public abstract int PayloadLength { get; }

    public abstract ReadOnlySequence<byte> PayloadAsReadOnlySequence();

    public abstract byte[] PayloadAsNewBuffer();
}

/// <summary>How one message type becomes bytes and comes back.</summary>
internal sealed class Marshaller<T>(Action<T, SerializationContext> serializer, Func<DeserializationContext, T> deserializer)
{
    public Action<T, SerializationContext> ContextualSerializer { get; } = serializer;

    public Func<DeserializationContext, T> ContextualDeserializer { get; } = deserializer;
}

internal static class Marshallers
{
    public static Marshaller<T> Create<T>(Action<T, SerializationContext> serializer, Func<DeserializationContext, T> deserializer) =>
        new(serializer, deserializer);
}
