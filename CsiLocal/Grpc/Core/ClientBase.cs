namespace Grpc.Core;

/// <summary>Base of the generated clients.</summary>
internal abstract class ClientBase
{
    /// <summary>What a client is made from.</summary>
    internal sealed class ClientBaseConfiguration(CallInvoker callInvoker)
    {
        internal CallInvoker CallInvoker { get; } = callInvoker;
    }
}

/// <inheritdoc cref="ClientBase"/>
internal abstract class ClientBase<T> : ClientBase
    where T : ClientBase<T>
{
    private readonly CallInvoker? _callInvoker;

    /// <summary>For test doubles, which override every call.</summary>
    protected ClientBase()
    {
    }

    protected ClientBase(ChannelBase channel) : this(channel.CreateCallInvoker())
    {
    }

    protected ClientBase(CallInvoker callInvoker) => _callInvoker = callInvoker;

    protected ClientBase(ClientBaseConfiguration configuration) : this(configuration.CallInvoker)
    {
    }

    protected CallInvoker CallInvoker =>
        _callInvoker ?? throw new NotSupportedException($"{GetType().Name} was made without a channel");

    protected abstract T NewInstance(ClientBaseConfiguration configuration);
}
