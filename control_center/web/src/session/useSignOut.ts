import { useRouter } from 'vue-router'
import { showFailure } from './failure'
import { signOut } from './session'

/** Signs out and goes to the sign-in page; says so when the server does not answer. */
export function useSignOut(): () => Promise<void> {
  const router = useRouter()
  return async () => {
    try {
      await signOut()
      await router.push('/login')
    } catch (error) {
      showFailure(error)
    }
  }
}
