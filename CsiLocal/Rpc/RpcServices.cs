using CsiLocal.Grpc;

namespace CsiLocal.Rpc;

/// <summary>The services of mode all, bound to the server.</summary>
internal static class RpcServices
{
    public static void Bind(
        GrpcServiceMap calls, IdentityService identity, ControllerService controller, NodeService node, AdminService admin)
    {
        Csi.V1.Identity.BindService(calls, identity);
        Csi.V1.Controller.BindService(calls, controller);
        Csi.V1.Node.BindService(calls, node);
        Admin.V1.Admin.BindService(calls, admin);
    }
}
